import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ScoresGround } from './scores-ground.js';

interface PageBody {
  items: object[];
  nextCursor: string | null;
}

/** Writes every item of a list, as the API shows it, into a file of JSON lines; answers how many there were. */
export async function dumpList(http: ScoresGround['http'], list: string, folder: string): Promise<number> {
  const file = createWriteStream(join(folder, `${list}.jsonl`));
  let count = 0;
  for (let cursor: string | null = ''; cursor !== null;) {
    const response = await http.get(`/v1/${list}?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`);
    if (response.status !== 200) throw new Error(`${response.status} ${response.text}`);
    const page = response.body as PageBody;
    for (const item of page.items) file.write(`${JSON.stringify(item)}\n`);
    count += page.items.length;
    cursor = page.nextCursor;
  }
  file.end();
  await once(file, 'finish');
  return count;
}
