import type { Snapshot } from '#libs/database/snapshot.js';
import { BANDS, MODEL_VERSION } from '#libs/decay-model/decay-model.js';
import { NotFoundError } from '#libs/errors/errors.js';
import type { PreparedReport } from '#libs/report-formats/prepared-report.js';
import sql from 'sql-template-tag';
import { type Evidence, evidenceTables } from './evidence-tables.js';
import type { CampaignParameters } from './report-parameters.js';
import { countRows, preparedTable } from './sql-table.js';

interface Numbers {
  population: number;
  included: number;
  excluded: number;
  bands: Record<string, number>;
}

/**
 * All that a campaign left behind by an instant: the campaign, its packets with their sign-off and how honestly they were decided, items, every
 * decision, reassignments, and remediations; what is in the audit log with its place there.
 */
export async function campaignEvidence({ campaignId, recordedAt }: CampaignParameters, snapshot: Snapshot): Promise<PreparedReport> {
  const evidence: Evidence = { campaignId, recordedAt: new Date(recordedAt) };
  const tables = evidenceTables(evidence);
  const counts = await countRows(
    snapshot,
    tables.map(({ from }) => from),
  );
  const { population, included, excluded, bands } = await numbersOf(evidence, snapshot);
  return {
    tables: tables.map((table, index) => preparedTable(snapshot, { ...table, rowCount: counts[index] ?? 0 }, table.name)),
    counted: 'items',
    reconciliation: { population, included, excluded: excluded > 0 ? [{ reason: 'no_eligible_reviewer', count: excluded }] : [] },
    bands: BANDS.map((band) => ({ band, count: bands[band] ?? 0 })),
    modelVersion: MODEL_VERSION,
  };
}

/** What was found and had no reviewer is noted when the items are made; before the campaign was open there is nothing to say of it. */
async function numbersOf({ campaignId, recordedAt }: Evidence, snapshot: Snapshot): Promise<Numbers> {
  const [numbers] = await snapshot.rows<Omit<Numbers, 'included'> & { items: number; opened: boolean | null }>(
    sql`SELECT c.population, c.population - c.included AS excluded, c.opened_at <= ${recordedAt} AND c.kind = 'once' AS opened,
        coalesce(n.items, 0)::integer AS items, coalesce(n.bands, '{}') AS bands
      FROM review_campaigns c LEFT JOIN (
        SELECT sum(b.items) AS items, json_object_agg(b.band, b.items) AS bands FROM (
          SELECT coalesce(i.band, 'insufficient_data') AS band, count(*) AS items FROM review_items i JOIN review_packets k ON k.id = i.packet_id
          WHERE k.shown_campaign_id = ${campaignId} AND i.created_at <= ${recordedAt} GROUP BY 1
        ) b
      ) n ON true WHERE c.id = ${campaignId}`,
  );
  if (!numbers) throw NotFoundError.of('campaign', campaignId);
  const { opened, items, population, excluded, bands } = numbers;
  // An open campaign has all its items: that they are as many as were noted then is what is reconciled.
  if (opened) return { population, included: items, excluded, bands };
  return { population: items, included: items, excluded: 0, bands };
}
