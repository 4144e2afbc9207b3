import sql, { raw, type Sql } from 'sql-template-tag';

/**
 * Whether a grant (the row `alias`) was in force at an instant, or is now where `asOf` is null. Expiry needs no job to notice it: a grant
 * past its `expires_at` is out of force whatever its status column still says.
 */
export function inForce(alias: string, asOf: Date | null): Sql {
  const g = raw(alias);
  if (!asOf) return sql`(${g}.status = 'active' AND (${g}.expires_at IS NULL OR ${g}.expires_at > statement_timestamp()))`;
  return sql`(${g}.granted_at <= ${asOf} AND (${g}.revoked_at IS NULL OR ${g}.revoked_at > ${asOf}) AND (${g}.expires_at IS NULL OR ${g}.expires_at > ${asOf}))`;
}
