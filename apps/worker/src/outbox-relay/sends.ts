/**
 * What one send may hold, in bytes. A broker takes about 1 MB for each partition (`max.message.bytes`), and all events of a send may be of one
 * resource, and so go to one partition. A send that is too large would be refused for ever.
 */
const MOST_BYTES = 800_000;

/** What a message has besides its value: headers of fixed length, key, framing. */
const OVERHEAD_BYTES = 1_000;

/** Parts events, in their order, into sends that a broker takes. One that is larger than that by itself is a send by itself. */
export function sendsOf<Event extends { canonical: string }>(events: readonly Event[], mostBytes = MOST_BYTES): Event[][] {
  const sends: Event[][] = [];
  let bytes = Infinity;
  for (const event of events) {
    const size = Buffer.byteLength(event.canonical) + OVERHEAD_BYTES;
    bytes += size;
    if (bytes > mostBytes) {
      sends.push([]);
      bytes = size;
    }
    sends.at(-1)?.push(event);
  }
  return sends;
}
