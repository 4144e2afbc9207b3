import { canonicalJson, type JsonValue } from '#libs/events/chain-canonical.js';
import { eventHash, GENESIS_HASH } from '#libs/events/chain.js';
import { generateSigningKey, parseSigningKey, type Checkpoint, type SigningKey } from '#libs/events/chain-keys.js';
import type { ChainRow } from '#libs/events/chain-verification.js';

export type AuditItem = Record<string, JsonValue> & { sequence: number; prevHash: string; hash: string; display: JsonValue };

export interface TestChain {
  /** As the store holds them. */
  rows: ChainRow[];
  /** As GET /v1/audit answers them, oldest first. */
  items: AuditItem[];
  checkpoints: Checkpoint[];
  key: SigningKey;
}

/** A genuine chain with a checkpoint at every tenth event and at the last. */
export function chain(events: number, checkpointEvery = 10): TestChain {
  const key = parseSigningKey(generateSigningKey());
  const built: TestChain = { rows: [], items: [], checkpoints: [], key };
  let prevHash = GENESIS_HASH;
  for (let sequence = 1; sequence <= events; sequence++) {
    const event = auditEvent(sequence);
    const canonical = canonicalJson(event);
    const hash = eventHash(prevHash, canonical);
    built.rows.push({
      sequence,
      prevHash,
      hash,
      canonical,
      columns: { id: event['id'] as string, action: 'grant.revoked', 'actor.id': 'dev' },
    });
    built.items.push({ ...event, sequence, prevHash, hash, display: { actorName: 'Dev', resourceName: null } });
    if (sequence % checkpointEvery === 0 || sequence === events) {
      built.checkpoints.push(key.sign({ sequence, hash }, new Date(Date.UTC(2026, 0, 1, 0, sequence))));
    }
    prevHash = hash;
  }
  return built;
}

/** An event with what makes canonical JSON hard: names out of order, characters beyond the basic plane, numbers that are no integers. */
function auditEvent(sequence: number): Record<string, JsonValue> {
  return {
    id: `0192f000-0000-7000-8000-${String(sequence).padStart(12, '0')}`,
    sequence,
    time: new Date(Date.UTC(2026, 0, 1, 0, 0, sequence)).toISOString(),
    action: 'grant.revoked',
    outcome: 'success',
    actor: { type: 'user', id: 'dev', principalId: null },
    resource: { type: 'grant', id: `0192f000-0000-7000-9000-${String(sequence).padStart(12, '0')}` },
    before: { status: 'active', score: sequence / 3, ﬀ: 1e21, '😀': 1e-7 },
    after: { status: 'revoked', zero: -0, '\u0080': '\u007f\u001f\u2028' },
    reason: sequence % 2 === 0 ? `Left the team “№ ${sequence}” 🙂 \\ \t` : null,
    requestId: `r-${sequence}`,
    traceId: null,
    clientIp: '127.0.0.1',
  };
}
