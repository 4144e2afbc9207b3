import type { Transaction } from '#libs/database/transaction.js';
import { AppError, BadRequestError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import sql, { type Sql } from 'sql-template-tag';
import type { ReportFormat, ReportKind } from './report-kinds.js';
import { type GivenParameters, settledParameters } from './report-parameters.js';

/** The advisory locks of callers who ask for reports live in a space of their own. */
const LOCK_SPACE = 72_636;

export interface ReportRequest {
  kind: ReportKind;
  format: ReportFormat;
  parameters: GivenParameters;
}

/**
 * Queues a report in the name of the transaction's actor, and answers its id. Whoever builds reports takes it once the transaction has committed.
 *
 * @param mostWaiting how many reports one caller may have queued or running
 * @throws BadRequestError for parameters that are not of the kind; AppError `too_many_reports`
 */
export async function requestReport(tx: Transaction, request: ReportRequest, mostWaiting: number): Promise<string> {
  const { kind, format } = request;
  await assertRoom(tx, mostWaiting);
  const parameters = settledParameters(kind, request.parameters, tx.now);
  if ('campaignId' in parameters) await assertCampaign(tx, parameters.campaignId, parameters.recordedAt);
  if ('assetIds' in parameters) await assertNamed(tx, parameters);
  const id = uuidv7();
  await tx.rows(
    sql`INSERT INTO reports (id, kind, format, parameters, status, requested_by, requester_id, created_at, updated_at, version, run_at)
      VALUES (${id}, ${kind}, ${format}, ${JSON.stringify(parameters)}, 'queued', ${JSON.stringify(tx.actor)}, ${tx.actor.id}, ${tx.now}, ${tx.now}, 1, ${tx.now})`,
  );
  tx.record({ type: 'report.requested', resource: { type: 'report', id }, after: { kind, format, parameters, status: 'queued' } });
  return id;
}

/** One after the other for each caller, so that many requests at once do not pass together where one alone would have. */
async function assertRoom(tx: Transaction, mostWaiting: number): Promise<void> {
  const { id } = tx.actor;
  await tx.rows(sql`SELECT pg_advisory_xact_lock(${LOCK_SPACE}, hashtext(${id}))`);
  const [row] = await tx.rows<{ waiting: number }>(
    sql`SELECT count(*)::integer AS waiting FROM reports WHERE requester_id = ${id} AND status IN ('queued', 'running')`,
  );
  if ((row?.waiting ?? 0) >= mostWaiting) throw new AppError('too_many_reports');
}

/** @throws BadRequestError for a campaign that is not there */
export async function assertCampaign(tx: Transaction, campaignId: string, recordedAt: string): Promise<void> {
  const found = await tx.rows(
    sql`SELECT FROM review_campaigns WHERE id = ${campaignId} AND kind <> 'packet' AND created_at <= ${new Date(recordedAt)}`,
  );
  if (found.length === 0)
    throw BadRequestError.rule('parameters.campaignId', 'names a campaign that does not exist, or did not at recordedAt');
}

/**
 * A filter that names nothing would make evidence of nothing, and look like evidence that nobody has access.
 *
 * @throws BadRequestError for an asset or a principal that there is not; what has ended is there
 */
export async function assertNamed(tx: Transaction, { assetIds, principalIds }: GivenParameters): Promise<void> {
  const [asset] = await tx.rows<{ place: number }>(missing(assetIds, sql`SELECT FROM assets r WHERE r.id = given.id`));
  if (asset) throw BadRequestError.rule(`parameters.assetIds.${asset.place}`, 'names no asset');
  const [principal] = await tx.rows<{ place: number }>(missing(principalIds, sql`SELECT FROM principals r WHERE r.id = given.id`));
  if (principal) throw BadRequestError.rule(`parameters.principalIds.${principal.place}`, 'names no principal');
}

const missing = (ids: readonly string[] | null | undefined, row: Sql): Sql =>
  sql`SELECT (place - 1)::integer AS place FROM unnest(${ids ?? []}::uuid[]) WITH ORDINALITY given(id, place)
    WHERE NOT EXISTS (${row}) ORDER BY place LIMIT 1`;
