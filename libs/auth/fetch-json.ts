/** Bytes, decompressed. The key set of a real tenant is about 20 KB. */
const MAX_BYTES = 512 * 1024;

/**
 * A JSON document of an address that is trusted no further than that: no redirect is followed, the status must be 200, the size is
 * bounded, the text must be UTF-8.
 *
 * @param signal ends the request and the reading of the body
 * @throws Error with a reason that may be logged
 */
export async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the status is ${response.status}`);
  }
  const text = await readText(response);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the answer is not JSON');
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) throw new Error('the answer is empty');
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Error('the answer is not UTF-8');
  }
}
