import { Database } from '#libs/database/database.js';
import type { LoggedEvent } from '#libs/clickhouse/audit-log.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

interface Item {
  actor: { principalId: string | null };
  resource: { type: string; id: string };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Adds to events, outside of what their hashes cover, the names that their actors and resources have now. */
@Injectable()
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** The JSON of the items as the API shows them: the canonical text as it was hashed, with the hashes and the names behind it. */
  async show(events: readonly LoggedEvent[]): Promise<string[]> {
    const items = events.map(({ canonical }) => JSON.parse(canonical) as Item);
    const names = await this.namesOf(items);
    return events.map(({ canonical, prevHash, hash }, index) => {
      const { actor, resource } = items[index] as Item;
      const display = { actorName: names.get(actor.principalId ?? '') ?? null, resourceName: names.get(resource.id) ?? null };
      return `${canonical.slice(0, -1)},"prevHash":"${prevHash}","hash":"${hash}","display":${JSON.stringify(display)}}`;
    });
  }

  private async namesOf(items: readonly Item[]): Promise<Map<string, string>> {
    const ids = [...new Set(items.flatMap(({ actor, resource }) => [actor.principalId ?? '', resource.id]))].filter((id) => UUID.test(id));
    if (ids.length === 0) return new Map();
    const rows = await this.database.rows<{ id: string; name: string }>(
      sql`SELECT id, display_name AS name FROM principals WHERE id = ANY (${ids}::uuid[])
        UNION ALL SELECT id, name FROM assets WHERE id = ANY (${ids}::uuid[])
        UNION ALL SELECT g.id, p.display_name || ': ' || g.permission || ' on ' || a.name
          FROM grants g JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id WHERE g.id = ANY (${ids}::uuid[])`,
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  }
}
