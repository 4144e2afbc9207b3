import { setTimeout as pause } from 'node:timers/promises';
import { verify } from '../audit/export.js';
import { scaled } from '../support/scale.js';
import { System } from '../support/system.js';
import { GRANTS, ReviewedSystem } from './killed-reviews.js';

/** The issue names both counts. */
const ROUNDS = Math.max(5, scaled(50));
const TIMEOUT_MS = 240_000 + ROUNDS * 90_000;
const PHASES = ['launch', 'decide', 'close', 'undo'] as const;
type Phase = (typeof PHASES)[number];

describe('a campaign while gateway and worker are killed with kill -9', () => {
  let system: System;
  let reviews: ReviewedSystem;
  beforeAll(async () => {
    system = await System.start();
    reviews = await ReviewedSystem.on(system);
  }, 120_000);
  afterAll(() => system?.close(), 60_000);

  /** Kills one of them, or both, at an instant at which the phase is likely to be under way, and lets them come back. */
  async function killWithin(ms: number): Promise<void> {
    const worker = system.workers[0]!;
    const victims = [[system.gateway], [worker], [system.gateway, worker]][Math.floor(Math.random() * 3)]!;
    await pause(Math.random() * ms);
    await Promise.all(victims.map((victim) => victim.kill()));
    await Promise.all(victims.map((victim) => (victim === worker ? worker.start() : system.startGateway())));
  }

  async function campaign(during: (phase: Phase, work: () => Promise<void>) => Promise<void>) {
    const id = await reviews.draft();
    for (const phase of PHASES) await during(phase, () => reviews[phase](id));
    return reviews.outcome(id);
  }

  it(
    'ends as it does without: no item doubled, every revocation with one event, nothing stuck',
    async () => {
      const took = new Map<Phase, number>();
      const undisturbed = await campaign(async (phase, work) => {
        const from = performance.now();
        await work();
        took.set(phase, performance.now() - from);
      });
      const one = { decisions: 1, decided: 1, active: 1 };
      const kept = { remediation: null, undo: null, revoked: 0, restored: 0, remedied: 0, ...one };
      const gone = { remediation: 'applied', undo: 'restored', revoked: 1, restored: 1, remedied: 1, ...one };
      expect(undisturbed.access).toHaveLength(GRANTS);
      for (const access of undisturbed.access as { decision: string }[])
        expect(access).toMatchObject(access.decision === 'revoke' ? gone : kept);
      expect(undisturbed.campaign).toMatchObject({ status: 'completed', population: GRANTS, counts: { revoked: GRANTS / 5, pending: 0 } });
      for (let round = 1; round <= ROUNDS; round++) {
        const outcome = await campaign(async (phase, work) => {
          await Promise.all([work(), killWithin(took.get(phase) ?? 0)]);
        });
        expect({ round, ...outcome }).toEqual({ round, ...undisturbed });
      }
      const last = await system.settled(TIMEOUT_MS);
      expect(await verify(system.url)).toMatchObject({ from: 1, to: last, events: last, intact: true });
      expect(await system.workers[0]!.metric('review_work_oldest_seconds')).toBe(0);
      const phases = Object.fromEntries([...took].map(([phase, ms]) => [phase, Math.round(ms)]));
      process.stderr.write(`Reviews: ${ROUNDS} rounds with ${ROUNDS * PHASES.length} kills, ms undisturbed: ${JSON.stringify(phases)}\n`);
    },
    TIMEOUT_MS,
  );
});
