import type { ReviewJobs } from '#libs/reviews/review-jobs.js';
import type pg from 'pg';
import { ReviewClient } from './review-client.js';
import { callFor, callsToFinish } from './review-intents.js';
import type { Intent } from './review-wishes.js';
import { type Done, explain } from './review-interleaving.js';
import { observe } from './review-observation.js';
import type { Answer, Call } from './review-operations.js';
import { itemsOf, packetsOf, type State } from './review-state.js';
import { makeWorld, type People, type Recipe, score } from './review-world.js';
import type { TestIssuer } from '../../support/test-issuer.js';

export interface Ground {
  url: string;
  pool: pg.Pool;
  issuer: TestIssuer;
  jobs: ReviewJobs;
}

const UNREST = `SELECT c.id, c.work IS NOT NULL AS working FROM review_campaigns c
  WHERE (c.id = ANY ($1) OR c.id IN (SELECT campaign_id FROM review_packets WHERE id = ANY ($1)))
    AND (c.work IS NOT NULL OR c.status = 'active' AND c.due_at <= now())`;

const GONE_AT_SOURCE = `SELECT FROM remediations r JOIN grants g ON g.id = r.grant_id
  WHERE r.status = 'queued' AND g.asset_id = ANY ($1) AND CASE WHEN r.memberships IS NULL
    THEN g.status <> 'active' OR g.expires_at <= now()
    ELSE NOT EXISTS (SELECT FROM jsonb_to_recordset(r.memberships) AS w ("groupId" uuid, "memberId" uuid)
      JOIN memberships m ON m.group_id = w."groupId" AND m.member_id = w."memberId" AND m.removed_at IS NULL) END LIMIT 1`;

/** One sequence: a company of its own, what happens in it, and the model that has to say the same at every step. */
export class ReviewRun {
  private readonly client: ReviewClient;
  private readonly madeIds: string[] = [];
  readonly told: string[] = [];
  /** How often each operation was answered in which way. */
  readonly tally: Record<string, number> = {};

  private constructor(
    private readonly ground: Ground,
    private state: State,
    private readonly people: People,
  ) {
    this.client = new ReviewClient(ground.url);
  }

  static async start(ground: Ground, recipe: Recipe): Promise<ReviewRun> {
    const { state, people } = await makeWorld(recipe, ground.pool, ground.issuer);
    return new ReviewRun(ground, state, people);
  }

  get made(): readonly string[] {
    return this.madeIds;
  }

  get model(): State {
    return this.state;
  }

  /** Does at once what several people mean to do. */
  async together(intents: readonly Intent[]): Promise<void> {
    const calls = intents.map((intent) => callFor(this.state, this.people, intent)).filter((call) => call !== null);
    await this.carryOut(calls);
  }

  /** Brings every round to its end, and reads all of it as an admin sees it. */
  async finish(): Promise<void> {
    for (let calls = callsToFinish(this.state, this.people); calls.length > 0; calls = callsToFinish(this.state, this.people)) {
      await this.carryOut(calls.slice(0, 1));
    }
    const by = this.people.secondAdmin;
    for (const { id, kind } of this.state.rounds.values()) {
      const campaign: Call[] = [
        { by, operation: { do: 'getCampaign', roundId: id } },
        { by, operation: { do: 'preview', roundId: id } },
        { by, operation: { do: 'listPackets', roundId: id, reviewer: null, status: null } },
      ];
      const packets = packetsOf(this.state, id).filter(({ id: packetId }) => itemsOf(this.state, { packetId }).length <= 100);
      const reads = packets.map(({ id: packetId }): Call => ({ by, operation: { do: 'listItems', packetId, status: null } }));
      await this.carryOut([...(kind === 'campaign' ? campaign : []), ...reads]);
    }
  }

  /** Adds to the tally what became of revocations that were undone. */
  countUndone(): void {
    for (const { remediation } of this.state.items.values()) {
      if (remediation?.undo) this.count(`undone ${remediation.undo}`);
      if (remediation?.undo === 'skipped') this.count(`undone skipped ${remediation.undoReason!}`);
      if (remediation?.undo === 'restored' && remediation.memberships) this.count('undone restored memberships');
    }
  }

  private async carryOut(calls: readonly Call[]): Promise<void> {
    if (calls.length === 0) return;
    this.state.batch += 1;
    for (const { by, operation } of calls) this.told.push(`${this.state.batch}. ${by.name}: ${JSON.stringify(operation)}`);
    const done: Done[] = [];
    await Promise.all(
      calls.map(async (call) => {
        const answer = await this.act(call);
        if (answer.made !== null && call.operation.do !== 'grant') this.madeIds.push(answer.made);
        done.push({ call, answer });
        const { do: name, ...rest } = call.operation;
        const words =
          call.operation.do === 'decide' && answer.refusal === null ? (answer.view as { outcomes: (string | null)[] }).outcomes : [];
        for (const code of words) this.count(`decide word ${code ?? 'recorded'}`);
        const kind = [name, 'step' in rest ? rest.step : [], answer.refusal ?? 'ok'].flat().join(' ');
        this.count(kind);
      }),
    );
    await this.comeToRest();
    this.state = explain(this.state, done, await observe(this.ground.pool, this.madeIds, this.state));
  }

  private count(kind: string): void {
    this.tally[kind] = (this.tally[kind] ?? 0) + 1;
  }

  /** What a person asks over HTTP; what time does, in the database. */
  private async act(call: Call): Promise<Answer> {
    const { pool } = this.ground;
    const { operation } = call;
    switch (operation.do) {
      case 'expire':
        await pool.query(
          `UPDATE grants SET expires_at = greatest(granted_at + interval '1 millisecond', now() - interval '1 second') WHERE id = $1`,
          [operation.grantId],
        );
        break;
      case 'rescore':
        await score(pool, [operation.grantId], operation.band);
        break;
      case 'passDueDate': {
        const id = await this.campaignOf(operation.roundId);
        await pool.query(
          // The campaign before its packets, which is the order in which everybody locks them.
          `WITH due AS (UPDATE review_campaigns SET due_at = now() - interval '1 second' WHERE id = $1 RETURNING id, due_at)
           UPDATE review_packets k SET due_at = due.due_at FROM due WHERE k.campaign_id = due.id`,
          [id],
        );
        break;
      }
      case 'passMonth': {
        const id = await this.campaignOf(operation.roundId);
        await pool.query(
          `UPDATE review_campaigns SET completed_at = now() - interval '30 days 1 second' WHERE id = $1 AND status = 'completed'`,
          [id],
        );
        break;
      }
      default:
        return this.client.call(call);
    }
    return { refusal: null, view: null, made: null };
  }

  private async campaignOf(roundId: string): Promise<string> {
    if (!roundId.startsWith('of ')) return roundId;
    const { rows } = await this.ground.pool.query<{ id: string }>('SELECT campaign_id AS id FROM review_packets WHERE id = $1', [
      roundId.slice(3),
    ]);
    return rows[0]!.id;
  }

  /** Takes every step that reviews would take by themselves, until none is left. */
  private async comeToRest(): Promise<void> {
    const { pool, jobs } = this.ground;
    for (;;) {
      const { rows } = await pool.query<{ id: string; working: boolean }>(UNREST, [this.madeIds]);
      if (rows.length === 0) break;
      await Promise.all(rows.map(({ id, working }) => (working ? jobs.stepOf(id) : jobs.step())));
    }
    const assets = [...this.state.assets.keys()];
    while ((await pool.query(GONE_AT_SOURCE, [assets])).rowCount !== 0) await jobs.chores();
  }
}
