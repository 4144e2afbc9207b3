import { Principals1764000000001 } from './migrations/1764000000001-principals.js';
import { Assets1764000000002 } from './migrations/1764000000002-assets.js';
import { Grants1764000000003 } from './migrations/1764000000003-grants.js';
import { Events1764000000004 } from './migrations/1764000000004-events.js';
import { AccessPaths1764000000005 } from './migrations/1764000000005-access-paths.js';
import { Chain1764000000006 } from './migrations/1764000000006-chain.js';
import { Scores1764000000007 } from './migrations/1764000000007-scores.js';
import { Reviews1764000000008 } from './migrations/1764000000008-reviews.js';
import { Reports1764000000009 } from './migrations/1764000000009-reports.js';
import { ReportSchedules1764000000010 } from './migrations/1764000000010-report-schedules.js';
import { RemediationLeases1764000000011 } from './migrations/1764000000011-remediation-leases.js';
import { DirectWrites1764000000012 } from './migrations/1764000000012-direct-writes.js';
import { AssetTags1764000000013 } from './migrations/1764000000013-asset-tags.js';
import { CheaperAdmission1764000000014 } from './migrations/1764000000014-cheaper-admission.js';

/** Every migration in its order. One that has landed is never edited: what comes later is another one. */
export const MIGRATIONS = [
  Principals1764000000001,
  Assets1764000000002,
  Grants1764000000003,
  Events1764000000004,
  AccessPaths1764000000005,
  Chain1764000000006,
  Scores1764000000007,
  Reviews1764000000008,
  Reports1764000000009,
  ReportSchedules1764000000010,
  RemediationLeases1764000000011,
  DirectWrites1764000000012,
  AssetTags1764000000013,
  CheaperAdmission1764000000014,
];
