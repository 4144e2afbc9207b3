import type { OutboundMessage } from './message.js';

/**
 * What one request may hold, in bytes. A broker takes about 1 MB for each partition (`max.message.bytes`), and all messages of a request may be
 * for one. A request that is too large would be refused for ever.
 */
const MOST_BYTES = 800_000;

/** What a message has besides key and value: headers of a bounded length, framing. */
const OVERHEAD_BYTES = 1_000;

/** Parts messages, in their order, into requests that a broker takes. One that is larger than that by itself is a request by itself. */
export function partsOf<Message extends OutboundMessage>(messages: readonly Message[], mostBytes = MOST_BYTES): Message[][] {
  const parts: Message[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    const size = Buffer.byteLength(message.value ?? '') + OVERHEAD_BYTES;
    bytes += size;
    if (bytes > mostBytes) {
      parts.push([]);
      bytes = size;
    }
    parts.at(-1)?.push(message);
  }
  return parts;
}
