import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The walks over nested groups, breadth first, so that the first path found to a group is a shortest one, and each group is visited once
 * however many ways lead to it. `as_of` null asks for now. A path is the ids of its groups, comma-separated.
 */
export class AccessPaths1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Before its first version a principal counts as what it was created as: an imported grant may be older than the row of its principal.
      CREATE FUNCTION principal_active(principal uuid, as_of timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE
          WHEN as_of IS NULL THEN (SELECT p.status = 'active' FROM principals p WHERE p.id = principal)
          ELSE coalesce(
            (SELECT h.status = 'active' FROM principals_history h WHERE h.id = principal AND h.updated_at <= as_of ORDER BY h.version DESC LIMIT 1),
            (SELECT h.status = 'active' FROM principals_history h WHERE h.id = principal ORDER BY h.version LIMIT 1))
        END
      $$;

      -- Every active group that the principal is in, with the path from its first group to that one.
      CREATE FUNCTION groups_above(principal uuid, as_of timestamptz) RETURNS TABLE (group_id uuid, path text) LANGUAGE plpgsql STABLE AS $$
      DECLARE
        seen uuid[] := ARRAY[principal];
        frontier uuid[] := ARRAY[principal];
        paths text[] := ARRAY[''];
      BEGIN
        IF principal_active(principal, as_of) IS NOT TRUE THEN RETURN; END IF;
        LOOP
          SELECT array_agg(step.parent ORDER BY step.parent), array_agg(step.way ORDER BY step.parent) INTO frontier, paths
          FROM (
            SELECT DISTINCT ON (m.group_id) m.group_id AS parent, concat_ws(',', nullif(f.way, ''), m.group_id) AS way
            FROM unnest(frontier, paths) AS f (id, way)
            JOIN memberships m ON m.member_id = f.id
            WHERE CASE WHEN as_of IS NULL THEN m.removed_at IS NULL
                       ELSE m.added_at <= as_of AND (m.removed_at IS NULL OR m.removed_at > as_of) END
              AND m.group_id <> ALL (seen)
              AND principal_active(m.group_id, as_of)
            ORDER BY m.group_id, f.way
          ) step;
          EXIT WHEN frontier IS NULL;
          RETURN QUERY SELECT * FROM unnest(frontier, paths);
          seen := seen || frontier;
        END LOOP;
      END $$;

      -- The group itself and every active group inside it, each with the path from there up to the group.
      CREATE FUNCTION groups_below(holder uuid, as_of timestamptz) RETURNS TABLE (group_id uuid, path text) LANGUAGE plpgsql STABLE AS $$
      DECLARE
        seen uuid[] := ARRAY[holder];
        frontier uuid[] := ARRAY[holder];
        paths text[] := ARRAY[holder::text];
      BEGIN
        IF principal_active(holder, as_of) IS NOT TRUE THEN RETURN; END IF;
        LOOP
          RETURN QUERY SELECT * FROM unnest(frontier, paths);
          SELECT array_agg(step.child ORDER BY step.child), array_agg(step.way ORDER BY step.child) INTO frontier, paths
          FROM (
            SELECT DISTINCT ON (m.member_id) m.member_id AS child, concat_ws(',', m.member_id, f.way) AS way
            FROM unnest(frontier, paths) AS f (id, way)
            JOIN memberships m ON m.group_id = f.id AND m.member_is_group
            WHERE CASE WHEN as_of IS NULL THEN m.removed_at IS NULL
                       ELSE m.added_at <= as_of AND (m.removed_at IS NULL OR m.removed_at > as_of) END
              AND m.member_id <> ALL (seen)
              AND principal_active(m.member_id, as_of)
            ORDER BY m.member_id, f.way
          ) step;
          EXIT WHEN frontier IS NULL;
          seen := seen || frontier;
        END LOOP;
      END $$;

      -- A path as the API shows it.
      CREATE FUNCTION path_json(path text) RETURNS json LANGUAGE sql STABLE AS $$
        SELECT coalesce(json_agg((SELECT row_to_json(r) FROM (SELECT p.id, p.display_name AS "displayName") r) ORDER BY step.place), '[]')
        FROM unnest(string_to_array(nullif(path, ''), ',')::uuid[]) WITH ORDINALITY AS step (id, place)
        JOIN principals p ON p.id = step.id
      $$;

      -- An instant as the API writes it: RFC 3339, UTC, milliseconds.
      CREATE FUNCTION instant(moment timestamptz) RETURNS text LANGUAGE sql STABLE RETURN
        to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION instant(timestamptz);
      DROP FUNCTION path_json(text);
      DROP FUNCTION groups_below(uuid, timestamptz);
      DROP FUNCTION groups_above(uuid, timestamptz);
      DROP FUNCTION principal_active(uuid, timestamptz);
    `);
  }
}
