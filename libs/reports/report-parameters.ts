import type { Sensitivity } from '#libs/database/entities/asset.entity.js';
import { BadRequestError } from '#libs/errors/errors.js';
import { isPeriodKind, isPointKind, type ReportKind } from './report-kinds.js';

/** How far an instant may lie ahead of our clock, in milliseconds: clocks differ by minutes, and what is in force at an instant is evidence of the past alone. */
const MOST_AHEAD_MS = 5 * 60_000;

/** Parameters as they are asked for; a list that is absent, null or empty restricts nothing. Instants are RFC 3339. */
export interface GivenParameters {
  asOf?: string;
  recordedAt?: string;
  assetIds?: readonly string[] | null;
  principalIds?: readonly string[] | null;
  sensitivities?: readonly Sensitivity[] | null;
  departments?: readonly string[] | null;
  from?: string;
  to?: string;
  campaignId?: string;
}

interface Recorded {
  recordedAt: string;
}

export interface PointParameters extends Recorded {
  asOf: string;
  assetIds: readonly string[];
  principalIds: readonly string[];
  sensitivities: readonly Sensitivity[];
  departments: readonly string[];
}

export interface PeriodParameters extends Recorded {
  from: string;
  to: string;
}

export interface CampaignParameters extends Recorded {
  campaignId: string;
}

/** Parameters with nothing left open: they and the stored facts decide every row. Instants are UTC with milliseconds. */
export type ReportParameters = PointParameters | PeriodParameters | CampaignParameters;

/**
 * Fills in what was left out, with `now` for instants, in the members of the kind alone.
 *
 * @throws BadRequestError for instants that contradict each other or lie in the future
 */
export function settledParameters(kind: ReportKind, given: GivenParameters, now: Date): ReportParameters {
  const recordedAt = given.recordedAt ?? now.toISOString();
  if (new Date(recordedAt) > now) throw rule('recordedAt', 'must not lie in the future');
  if (isPointKind(kind)) {
    const asOf = given.asOf ?? recordedAt;
    if (Date.parse(asOf) > now.getTime() + MOST_AHEAD_MS) throw rule('asOf', 'must not lie in the future');
    const { assetIds, principalIds, sensitivities, departments } = given;
    const filters = { assetIds: assetIds ?? [], principalIds: principalIds ?? [], sensitivities: sensitivities ?? [] };
    return { asOf, recordedAt, ...filters, departments: departments ?? [] };
  }
  if (isPeriodKind(kind)) {
    const { from, to } = { from: required('from', given.from), to: required('to', given.to) };
    if (from >= to) throw rule('to', 'must lie after from');
    // It may lie in the future: what there is by then is not told of, since that is recorded later.
    return { from, to, recordedAt };
  }
  return { campaignId: required('campaignId', given.campaignId), recordedAt };
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw BadRequestError.invalid(`parameters.${name}`, 'is required');
  return value;
}

const rule = (name: string, message: string): BadRequestError => BadRequestError.rule(`parameters.${name}`, message);
