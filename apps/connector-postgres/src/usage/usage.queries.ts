/**
 * The statements that read what was run on a server, and what the names in it stand for. They need `pg_read_all_stats` (or `pg_monitor`)
 * beside CONNECT: without it, PostgreSQL shows the text of one's own statements alone.
 *
 * The functions are asked and not the views of the same names, which are relations of a user's schema: reading one would itself be a use.
 */

/** What can be known before the view is asked. The search path is the server's own, unless a setting for this very role or database hides it. */
export const SELECT_STATISTICS_FACTS = `
  SELECT e.extnamespace::regnamespace::text AS schema,
         current_setting('server_version_num')::int AS "serverVersion",
         current_setting('pg_stat_statements.track', true) AS track,
         current_setting('pg_stat_statements.track_utility', true) AS "trackUtility",
         pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "mayRead",
         (SELECT CASE WHEN EXISTS (SELECT FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS entry
                                   WHERE entry LIKE 'search\\_path=%' AND s.setrole IN (0, current_user::regrole)
                                     AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
                      THEN boot_val ELSE reset_val END
            FROM pg_settings WHERE name = 'search_path') AS "searchPath",
         array(SELECT attname::text FROM pg_attribute
               WHERE attrelid = to_regclass(e.extnamespace::regnamespace::text || '.pg_stat_statements') AND attnum > 0) AS columns,
         to_regclass(e.extnamespace::regnamespace::text || '.pg_stat_statements_info') IS NOT NULL AS "hasInfo"
  FROM (SELECT 1) AS one LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'`;

/** One row for each role, database and statement. Times are microseconds, which a JavaScript number holds exactly. */
export const selectCounters = (schema: string, columns: readonly string[]): string => `
  SELECT s.userid AS role, s.dbid AS database, s.queryid::text AS statement,
         ${columns.includes('toplevel') ? 's.toplevel' : 'true'} AS toplevel, s.calls::float8 AS calls,
         ${columns.includes('stats_since') ? `(extract(epoch FROM s.stats_since) * 1000000)::float8` : 'NULL'} AS since
  FROM ${schema}.pg_stat_statements(false) s WHERE s.queryid IS NOT NULL AND s.calls > 0`;

export const selectTexts = (schema: string): string => `
  SELECT s.dbid AS database, s.queryid::text AS statement, min(s.query) AS text
  FROM ${schema}.pg_stat_statements(true) s WHERE s.queryid::text = ANY ($1::text[]) GROUP BY 1, 2`;

export const selectInfo = (schema: string): string => `
  SELECT (extract(epoch FROM stats_reset) * 1000000)::float8 AS "resetAt", dealloc::float8 AS evicted FROM ${schema}.pg_stat_statements_info()`;

/** Names by oid, and the search paths that are set for roles, databases and both. */
export const SELECT_DATABASE_NAMES = `SELECT oid, datname AS name FROM pg_database`;

export const SELECT_SEARCH_PATHS = `
  SELECT s.setdatabase AS database, s.setrole AS role, substr(entry, length('search_path=') + 1) AS path
  FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS entry WHERE entry LIKE 'search\\_path=%'`;

/** Every relation that a statement can name, temporary ones aside. Definitions come with every name qualified, the path being empty. */
export const SELECT_CATALOG_RELATIONS = `
  SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relowner AS owner,
         array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns,
         coalesce((SELECT option_value::boolean FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_invoker'), false) AS "isInvoker",
         EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 64 <> 0) AS "hasInsteadOfTrigger",
         CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' THEN pg_get_viewdef(c.oid) END AS definition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp\\_%'`;
