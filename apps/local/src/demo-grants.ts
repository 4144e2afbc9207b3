import type { Department } from './company-words.js';
import { DEPARTMENTS, JUSTIFICATIONS, REVOKE_REASONS } from './company-words.js';
import type { Privilege } from './demo-assets.js';
import { PERMISSIONS } from './demo-assets.js';
import type { DemoAsset, DemoGrant, DemoPrincipal } from './demo-model.js';
import { daysBefore, groupKey, inDepartment } from './demo-model.js';
import type { DemoRandom } from './demo-random.js';

const GRANTS = 400;
const COMMON_ASSETS = ['Wiki', 'Knowledge base', 'Expense tool', 'HR suite', 'Open positions'];

interface Sources {
  random: DemoRandom;
  asOf: Date;
  people: readonly DemoPrincipal[];
  services: readonly DemoPrincipal[];
  groups: readonly DemoPrincipal[];
  assets: readonly DemoAsset[];
}

/** 400 grants: what groups confer, what service accounts need, and what people gathered over the years. No two for one access. */
export function demoGrants(sources: Sources): DemoGrant[] {
  const grants = new Map<string, DemoGrant>();
  const add = (principal: DemoPrincipal, asset: DemoAsset, level: number): void => {
    const options = PERMISSIONS[asset.body.type];
    const [permission, privilege] = options[Math.min(level, options.length - 1)] ?? ['use', 'read'];
    const key = `${principal.key} / ${asset.key} / ${permission}`;
    if (grants.size < GRANTS && !grants.has(key)) grants.set(key, grant(sources, key, principal, asset, permission, privilege));
  };
  addForGroups(sources, add);
  addForServices(sources, add);
  // Nearly everybody has something of their own; the longest-serving have most of it.
  for (let round = 0; grants.size < GRANTS && round < GRANTS; round++) addForPeople(sources, add);
  return [...grants.values()];
}

type Add = (principal: DemoPrincipal, asset: DemoAsset, level: number) => void;

function addForGroups({ random, groups, assets }: Sources, add: Add): void {
  const group = (name: string): DemoPrincipal | undefined => groups.find(({ key }) => key === groupKey(name));
  const all = (name: string, level: number, wanted: (asset: DemoAsset) => boolean): void => {
    const holder = group(name);
    if (holder) for (const asset of assets.filter(wanted)) add(holder, asset, level);
  };
  all('All staff', 0, ({ body }) => COMMON_ASSETS.includes(body.name));
  for (const department of DEPARTMENTS) all(department, 0, (asset) => ofDepartment(asset, department) && random.chance(0.75));
  all('Warehouse readers', 0, ({ parentKey, body }) => parentKey === 'asset warehouse' && body.sensitivity !== 'restricted');
  all('Data engineers', 1, ({ parentKey }) => parentKey === 'asset warehouse' && random.chance(0.5));
  all('Platform engineers', 1, ({ body }) => body.tags.includes('prod') && (body.type === 'host' || body.type === 'application'));
  all('Finance approvers', 1, ({ body }) => body.tags.includes('sox') && body.type !== 'table');
  all('Payroll', 1, ({ body }) => body.name === 'people.salaries' || body.name === 'payroll-exports');
  all('On call', 0, ({ body }) => body.type === 'host' || body.name === 'Monitoring');
  all('Production administrators', 9, ({ body }) => body.type === 'host' || body.type === 'database' || body.name === 'Cloud console');
  all('Security', 0, ({ body }) => body.type === 'application' && body.sensitivity === 'restricted');
}

const ofDepartment = ({ department, body }: DemoAsset, wanted: Department): boolean =>
  department === wanted && body.sensitivity !== 'restricted';

function addForServices({ random, services, assets }: Sources, add: Add): void {
  for (const service of services) {
    const near = inDepartment(assets, service.department);
    for (let count = random.between(3, 5); count > 0; count--) add(service, random.pick(near), random.between(0, 2));
  }
}

function addForPeople({ random, people, assets }: Sources, add: Add): void {
  for (const person of people) {
    if (random.chance(0.2)) continue;
    const isNear = random.chance(0.8);
    const asset = random.pick(isNear ? inDepartment(assets, person.department) : assets);
    add(person, asset, isNear && random.chance(0.08) ? 3 : random.between(0, 1));
  }
}

function grant(
  { random, asOf }: Sources,
  key: string,
  principal: DemoPrincipal,
  asset: DemoAsset,
  permission: string,
  privilege: Privilege,
): DemoGrant {
  const isPersonal = principal.body.type === 'user';
  const grantedDays = random.between(isPersonal ? 15 : 200, isPersonal ? 900 : 1_100);
  const expiresAt = isPersonal ? expiry(random, asOf) : null;
  const justification = isPersonal && random.chance(0.6) ? random.pick(JUSTIFICATIONS) : null;
  const body = { permission, privilege, grantedAt: daysBefore(asOf, grantedDays), expiresAt, justification };
  // What has run out cannot be revoked any more.
  const isRevoked = isPersonal && expiresAt === null && random.chance(0.14);
  return { key, principalKey: principal.key, assetKey: asset.key, body, revokeReason: isRevoked ? random.pick(REVOKE_REASONS) : null };
}

/** Of ten: one has run out, two will within the quarter, the others are for good. */
function expiry(random: DemoRandom, asOf: Date): string | null {
  const lot = random.next();
  if (lot < 0.1) return daysBefore(asOf, random.between(1, 12));
  return lot < 0.3 ? daysBefore(asOf, -random.between(3, 90)) : null;
}
