import { type Caller, readableSources, writableSources } from '#libs/auth/request-caller.js';
import type { GrantEntity } from '#libs/database/entities/grant.entity.js';
import { Representation } from '#libs/database/representation.js';
import { type Transaction, Transactions } from '#libs/database/transaction.js';
import { AppError } from '#libs/errors/errors.js';
import type { ErrorCode } from '#libs/errors/error-codes.js';
import { Injectable } from '@nestjs/common';
import { type GrantParty, GrantsBulkRepository } from './grants-bulk.repository.js';
import { grantCreated, newGrant, type NewGrant } from './grants.service.js';
import { NewGrantError, parseNewGrant } from './new-grant.js';

interface Outcome {
  index: number;
  outcome: 'created' | 'rejected';
  id?: string;
  code?: ErrorCode;
  message?: string;
}

/** One of many, while it is judged. */
interface Candidate {
  index: number;
  input: NewGrant;
}

/** Why one of many is rejected. */
class Rejection extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Grants by the thousand, for connectors. */
@Injectable()
export class GrantsBulkService {
  constructor(
    private readonly transactions: Transactions,
    private readonly grants: GrantsBulkRepository,
  ) {}

  /** Creates each on its own, in one transaction: those that break a rule keep no other from being created. */
  createMany(values: readonly unknown[], caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const outcomes: Outcome[] = [];
      const candidates = values.flatMap((value, index) =>
        attempt(index, outcomes, (): Candidate => ({ index, input: parseNewGrant(value) })),
      );
      const judged = await this.judge(tx, candidates, writableSources(caller), outcomes);
      const inserted = await this.grants.insertMany(
        tx,
        judged.map(({ grant }) => grant),
      );
      for (const { index, grant } of judged) {
        if (!inserted.has(grant.id)) {
          outcomes.push({ index, outcome: 'rejected', code: 'duplicate', message: 'is granted already' });
          continue;
        }
        tx.record(grantCreated(grant));
        outcomes.push({ index, outcome: 'created', id: grant.id });
      }
      if (inserted.size === 0) tx.leaveUnchanged();
      outcomes.sort((one, other) => one.index - other.index);
      const receipt = { created: inserted.size, rejected: values.length - inserted.size, outcomes };
      return new Representation('batch', null, JSON.stringify(receipt), false);
    });
  }

  /**
   * The grants in force of a source, as pieces of lines of JSON; none where the caller may not see the source. The first piece is read at once:
   * while nothing is sent, a failure can still be answered as one.
   */
  async export(source: string, caller: Caller): Promise<AsyncIterable<string>> {
    const sources = readableSources(caller);
    if (sources && !sources.includes(source)) return resumed({ done: true, value: undefined });
    const pieces = this.grants.lines(source);
    return resumed(await pieces.next(), pieces);
  }

  private async judge(
    tx: Transaction,
    candidates: readonly Candidate[],
    sources: readonly string[] | null,
    outcomes: Outcome[],
  ): Promise<{ index: number; grant: GrantEntity }[]> {
    const inputs = candidates.map(({ input }) => input);
    const principals = await this.grants.principals(tx, [...new Set(inputs.map(({ principalId }) => principalId))]);
    const assets = await this.grants.assets(tx, [...new Set(inputs.map(({ assetId }) => assetId))]);
    return candidates.flatMap(({ index, input }) =>
      attempt(index, outcomes, () => {
        const asset = checkParties(principals.get(input.principalId), assets.get(input.assetId), sources);
        return { index, grant: newGrant(input, asset, tx) };
      }),
    );
  }
}

async function* resumed(first: IteratorResult<string, void>, rest?: AsyncGenerator<string, void>): AsyncGenerator<string> {
  if (first.done) return;
  yield first.value;
  if (rest) yield* rest;
}

function checkParties(
  principal: GrantParty | undefined,
  asset: (GrantParty & { source: string }) | undefined,
  sources: readonly string[] | null,
): { source: string } {
  if (!principal) throw new Rejection('business_rule', 'principalId names a principal that does not exist');
  if (!asset) throw new Rejection('business_rule', 'assetId names an asset that does not exist');
  if (principal.status === 'deactivated') throw new Rejection('business_rule', 'principalId names a principal that is deactivated');
  if (asset.status === 'retired') throw new Rejection('business_rule', 'assetId names an asset that is retired');
  if (sources && !sources.includes(asset.source)) {
    throw new Rejection('forbidden', `is of the source ${asset.source}, of which the caller is no connector`);
  }
  return asset;
}

/** What the work makes, or nothing and an outcome that says why. */
function attempt<T>(index: number, outcomes: Outcome[], work: () => T): T[] {
  try {
    return [work()];
  } catch (error) {
    const reason = reasonOf(error);
    outcomes.push({ index, outcome: 'rejected', ...reason });
    return [];
  }
}

function reasonOf(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof NewGrantError) return { code: 'validation_failed', message: error.message };
  if (error instanceof Rejection) return { code: error.code, message: error.message };
  if (error instanceof AppError) {
    const [detail] = error.details;
    return { code: error.code, message: detail ? `${detail.path} ${detail.message}` : error.message };
  }
  throw error;
}
