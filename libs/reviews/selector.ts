import { inForce } from '#libs/database/in-force.js';
import { toCents } from '#libs/scoring/rounding.js';
import sql, { raw, type Sql } from 'sql-template-tag';

/** Which grants a campaign is about. A member that is absent, null or empty restricts nothing. */
export interface Selector {
  bands?: readonly string[] | null;
  minScore?: number | null;
  maxScore?: number | null;
  sensitivities?: readonly string[] | null;
  privileges?: readonly string[] | null;
  assetIds?: readonly string[] | null;
  departments?: readonly string[] | null;
  principalTypes?: readonly string[] | null;
  sources?: readonly string[] | null;
  /** Not used for at least so many days; one never used counts from when it was granted. */
  unusedForDays?: number | null;
  /** RFC 3339. */
  grantedBefore?: string | null;
}

/** Where the conditions of a selector hold: a grant with its principal, its asset, its score and its last use, where there are any. */
export const REVIEWABLE = sql`grants g JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id
  LEFT JOIN scores s ON s.grant_id = g.id LEFT JOIN grant_usage u ON u.grant_id = g.id`;

/** What a grant in force has to fulfil to be selected. Scores compare as they are shown. */
export function selected(selector: Selector): Sql[] {
  const { minScore, maxScore, unusedForDays, grantedBefore } = selector;
  const where = [inForce('g', null)];
  const among = (values: readonly string[] | null | undefined, condition: (values: readonly string[]) => Sql): void => {
    if (values && values.length > 0) where.push(condition(values));
  };
  among(selector.bands, (bands) => sql`coalesce(s.band, 'insufficient_data') = ANY (${bands})`);
  among(selector.sensitivities, (values) => sql`a.sensitivity = ANY (${values})`);
  among(selector.privileges, (values) => sql`g.privilege = ANY (${values})`);
  among(selector.assetIds, (values) => sql`g.asset_id = ANY (${values}::uuid[])`);
  among(selector.departments, (values) => sql`p.department = ANY (${values})`);
  among(selector.principalTypes, (values) => sql`p.type = ANY (${values})`);
  among(selector.sources, (values) => sql`g.source = ANY (${values})`);
  if (minScore != null) where.push(sql`${raw(toCents('s.score'))} >= ${minScore}`);
  if (maxScore != null) where.push(sql`${raw(toCents('s.score'))} <= ${maxScore}`);
  if (unusedForDays != null) {
    where.push(sql`coalesce(u.last_used_at, g.granted_at) <= statement_timestamp() - ${unusedForDays} * interval '1 day'`);
  }
  if (grantedBefore != null) where.push(sql`g.granted_at < ${new Date(grantedBefore)}`);
  return where;
}
