import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Checkpoint, PublicJwk } from '#libs/events/chain-keys.js';
import type { ChainVerification } from '#libs/events/chain-verification.js';

/** An event as GET /v1/audit answers it. */
export interface Item {
  id: string;
  sequence: number;
  time: string;
  action: string;
  outcome: string;
  actor: { id: string; type: string; principalId: string | null };
  resource: { type: string; id: string };
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  reason: string | null;
  requestId: string | null;
  traceId: string | null;
  prevHash: string;
  hash: string;
}

type Headers = Record<string, string>;

export async function getJson<T>(url: string, headers: Headers = {}): Promise<T> {
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Every page of a list. */
export async function walk<T>(url: string, path: string, headers: Headers = {}): Promise<T[]> {
  const items: T[] = [];
  const first = new URL(path, url);
  if (!first.searchParams.has('limit')) first.searchParams.set('limit', '100');
  for (let next: URL | null = first; next !== null;) {
    const page: { items: T[]; nextCursor: string | null } = await getJson(next.href, headers);
    items.push(...page.items);
    next = page.nextCursor === null ? null : new URL(first);
    next?.searchParams.set('cursor', page.nextCursor ?? '');
  }
  return items;
}

export function verify(url: string, range = '', headers: Headers = {}): Promise<ChainVerification> {
  return getJson<ChainVerification>(`${url}/v1/audit/verify${range}`, headers);
}

export interface Export {
  /** Oldest first. */
  items: Item[];
  checkpoints: Checkpoint[];
  keys: PublicJwk[];
}

/** The whole log, and what it is checked with, as an auditor gets them from the API. */
export async function exportLog(url: string, headers: Headers = {}): Promise<Export> {
  const items = (await walk<Item>(url, '/v1/audit', headers)).sort((a, b) => a.sequence - b.sequence);
  const last = items.at(-1)?.sequence ?? 0;
  const checkpoints = (await walk<Checkpoint>(url, '/v1/audit/checkpoints', headers)).filter(({ sequence }) => sequence <= last);
  const { keys } = await getJson<{ keys: PublicJwk[] }>(`${url}/v1/audit/keys`, headers);
  return { items, checkpoints, keys };
}

export interface Opinion {
  intact: boolean;
  said: string;
}

/** What the offline verifier and its independent twin in Python say of an export. */
export async function offlineOpinions({ items, checkpoints, keys }: Export): Promise<{ verifier: Opinion; twin: Opinion }> {
  const folder = await mkdtemp(join(tmpdir(), 'audit-export-'));
  try {
    const [log, set] = [join(folder, 'log.jsonl'), join(folder, 'keys.json')];
    await writeFile(log, [...items, ...checkpoints].map((line) => `${JSON.stringify(line)}\n`).join(''));
    await writeFile(set, JSON.stringify({ keys }));
    const [verifier, twin] = await Promise.all([
      opinion(process.execPath, [resolve('dist/libs/audit-verifier/audit-verifier.js'), log, set]),
      opinion('python3', [resolve('test/audit/verify.py'), log, set]),
    ]);
    return { verifier, twin };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function opinion(command: string, args: string[]): Promise<Opinion> {
  return new Promise((answer) => {
    execFile(command, args, (error, stdout, stderr) => answer({ intact: error === null, said: `${stdout}${stderr}`.trim() }));
  });
}
