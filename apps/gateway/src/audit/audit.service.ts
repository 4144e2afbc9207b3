import type { Caller } from '#libs/auth/request-caller.js';
import { type AuditFilters, AuditLog, type AuditKey } from '#libs/clickhouse/audit-log.js';
import { Transactions } from '#libs/database/transaction.js';
import { Representation } from '#libs/database/representation.js';
import { NotFoundError, UnavailableError } from '#libs/errors/errors.js';
import { type Checkpoint, KeySet, type PublicJwk } from '#libs/events/chain-keys.js';
import { CHECKPOINT_EVENTS, ChainStore } from '#libs/events/chain-store.js';
import { type ChainVerification, verifyChain } from '#libs/events/chain-verification.js';
import { Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { AuditRepository } from './audit.repository.js';

const CHECKPOINT_PAGE = 1_000;
const COMPARED_AT_ONCE = 1_000;

/** The audit log, as far as it is complete: what is still on its way is not there yet, and never called missing. */
@Injectable()
export class AuditService {
  constructor(
    private readonly log: AuditLog,
    private readonly chain: ChainStore,
    private readonly audit: AuditRepository,
    private readonly keyset: Keyset,
    private readonly transactions: Transactions,
  ) {}

  /** Newest first. The first page of a query is itself an event. @throws UnavailableError where ClickHouse is away */
  async list(filters: AuditFilters, { cursor, limit }: PageRequest, caller: Caller): Promise<Page> {
    const query = { list: 'audit', binding: filters };
    const key = await this.keyset.keyOf(query, cursor);
    const after: AuditKey | null = key ? { time: key[0] as string, sequence: Number(key[1]) } : null;
    const completeTo = await this.chain.completeTo();
    const events = completeTo === 0 ? [] : await asked(() => this.log.page(filters, after, completeTo, limit + 1));
    const shown = await this.audit.show(events);
    const rows = events.map(({ canonical, sequence }, index) => ({
      item: shown[index] as string,
      key: [(JSON.parse(canonical) as { time: string }).time, String(sequence)],
    }));
    const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
    if (cursor === undefined) await this.note('audit.queried', 'audit', given, caller);
    return this.keyset.pageOf(query, rows, limit);
  }

  async get(id: string): Promise<Representation> {
    const completeTo = await this.chain.completeTo();
    const event = completeTo === 0 ? null : await asked(() => this.log.find(id, completeTo));
    if (!event) throw NotFoundError.of('event', id);
    const [json] = await this.audit.show([event]);
    // An event never changes; the names beside it may.
    return new Representation(id, 1, json as string, false);
  }

  /** Recomputes a range of the chain from ClickHouse and checks the signatures of its checkpoints, in bounded memory. */
  async verify(range: { from?: number; to?: number }, caller: Caller): Promise<ChainVerification> {
    const [{ base }, completeTo, jwks] = await Promise.all([this.chain.state(), this.chain.completeTo(), this.chain.keys()]);
    const from = Math.max(range.from ?? 1, base.sequence + 1);
    const to = Math.min(range.to ?? completeTo, completeTo);
    await this.note('audit.verified', 'audit', { from, to }, caller);
    if (to < from) return { from, to, events: 0, intact: true, firstBreak: null, checkpointsVerified: 0, head: null };
    const prevHash = from === base.sequence + 1 ? base.hash : undefined;
    const wanted = { from, to, prevHash, checkpointEvery: CHECKPOINT_EVENTS };
    return asked(async () =>
      this.comparedWithOutbox(await verifyChain(this.log.range(from, to), this.checkpointsOf(from - 1, to), new KeySet(jwks), wanted)),
    );
  }

  /**
   * What comes after the last good checkpoint could be written anew with hashes that fit. PostgreSQL knows the hash that the chain has there;
   * where it is another, the first event that differs is the break, and no checkpoint is to blame.
   */
  private async comparedWithOutbox(found: ChainVerification): Promise<ChainVerification> {
    const { head } = found;
    const refuted = found.firstBreak?.kind === 'checkpoint_mismatch' && found.firstBreak.sequence === head?.sequence;
    if (!head || !(found.intact || refuted)) return found;
    const kept = (await this.chain.hashesOf([head.sequence])).get(head.sequence);
    if (kept === undefined || kept === head.hash) return found;
    let good: ChainVerification['head'] = null;
    for (let from = found.from; from <= head.sequence; from += COMPARED_AT_ONCE) {
      const logged: { sequence: number; hash: string }[] = [];
      for await (const row of this.log.range(from, Math.min(head.sequence, from + COMPARED_AT_ONCE - 1))) logged.push(row);
      const hashes = await this.chain.hashesOf(logged.map(({ sequence }) => sequence));
      for (const { sequence, hash } of logged) {
        const differs = (hashes.get(sequence) ?? hash) !== hash;
        if (differs)
          return { ...found, intact: false, firstBreak: { sequence, kind: 'altered' }, events: sequence - found.from, head: good };
        good = { sequence, hash };
      }
    }
    return found;
  }

  checkpoints(request: PageRequest): Promise<Page> {
    return this.chain.checkpointPage(this.keyset, request);
  }

  async keys(): Promise<{ keys: PublicJwk[] }> {
    return { keys: await this.chain.keys() };
  }

  private async *checkpointsOf(from: number, to: number): AsyncGenerator<Checkpoint> {
    for (let next = from; next <= to;) {
      const page = await this.chain.checkpoints(next, to, CHECKPOINT_PAGE);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < CHECKPOINT_PAGE) return;
      next = last.sequence + 1;
    }
  }

  private async note(type: 'audit.queried' | 'audit.verified', id: string, after: object, caller: Caller): Promise<void> {
    await this.transactions.write({ ...caller, idempotency: null }, (tx) => {
      tx.record({ type, resource: { type: 'audit', id }, after: { ...after } });
      return Promise.resolve();
    });
  }
}

/** An answer of ClickHouse. @throws UnavailableError where it gives none */
async function asked<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new UnavailableError('The audit log is away for the moment.', { cause: error });
  }
}
