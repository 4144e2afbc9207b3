import type { Department } from './company-words.js';
import { DEPARTMENTS, HEADCOUNT, LOCATIONS, PEOPLE, SERVICE_ACCOUNTS, TEAMS, TITLES } from './company-words.js';
import { ASSETS } from './demo-assets.js';
import { demoGrants } from './demo-grants.js';
import { demoUsage } from './demo-usage.js';
import type { DemoAsset, DemoCompany, DemoMembership, DemoPrincipal } from './demo-model.js';
import { assetKey, daysBefore, groupKey, inDepartment } from './demo-model.js';
import { DemoRandom } from './demo-random.js';

const SEED = 20_251_031;
const ALL_STAFF = 'All staff';

/** A company of 60 people with what they may touch, as it stands at `asOf`. Pure: the same instant gives the same company. */
export function demoCompany(asOf: Date): DemoCompany {
  const random = new DemoRandom(SEED);
  const people = demoPeople(random);
  const services = demoServices(random, people);
  const groups = demoGroups(random, people);
  const assets = demoAssets(random, people, asOf);
  const grants = demoGrants({ random, asOf, people, services, groups, assets });
  const usage = demoUsage(random, asOf, grants);
  return { principals: [...people, ...services, ...groups], memberships: demoMemberships(people, groups), assets, grants, usage };
}

function demoPeople(random: DemoRandom): DemoPrincipal[] {
  const names = [...PEOPLE];
  const heads = new Map<Department, string>();
  const managers = new Map<Department, string>();
  const people: DemoPrincipal[] = [];
  // Operations first: its head leads the company, and the other heads report there.
  for (const department of [...DEPARTMENTS].reverse()) {
    const [headTitle, managerTitle = headTitle, ...others] = TITLES[department];
    for (let index = 0; index < HEADCOUNT[department]; index++) {
      const name = names.shift() ?? `Colleague ${people.length}`;
      const title = index === 0 ? headTitle : index === 1 ? managerTitle : (others[(index - 2) % others.length] ?? managerTitle);
      const key = `person ${name}`;
      const managerKey =
        index === 0 ? (heads.get('Operations') ?? null) : (index > 1 && managers.get(department)) || (heads.get(department) ?? null);
      if (index === 0) heads.set(department, key);
      if (index === 1) managers.set(department, key);
      people.push({ ...person(random, key, name, department, title), managerKey, endsAs: fate(index, department) });
    }
  }
  return people;
}

/** Two have left and kept what they had, one is on leave: what a review is there to find. */
function fate(index: number, department: Department): DemoPrincipal['endsAs'] {
  if (index === 7 && (department === 'Sales' || department === 'Engineering')) return 'deactivated';
  return index === 5 && department === 'Finance' ? 'suspended' : null;
}

function person(random: DemoRandom, key: string, name: string, department: Department, title: string): DemoPrincipal {
  const email = `${name.toLowerCase().replaceAll(' ', '.')}@example.com`;
  const attributes = { title, location: random.pick(LOCATIONS), costCentre: String(100 + 10 * DEPARTMENTS.indexOf(department)) };
  const body = {
    type: 'user' as const,
    displayName: name,
    email,
    externalId: random.uuid(),
    source: 'entra' as const,
    department,
    attributes,
  };
  return { key, department, title, body, managerKey: null, ownerKey: null, endsAs: null };
}

function demoServices(random: DemoRandom, people: readonly DemoPrincipal[]): DemoPrincipal[] {
  return SERVICE_ACCOUNTS.map(([name, department, purpose]) => ({
    key: `service ${name}`,
    department,
    title: null,
    body: {
      ...{ type: 'service_account' as const, displayName: name, email: null, externalId: random.uuid() },
      ...{ source: 'entra' as const, department, attributes: { purpose } },
    },
    managerKey: null,
    ownerKey: random.pick(inDepartment(people, department)).key,
    endsAs: null,
  }));
}

function demoGroups(random: DemoRandom, people: readonly DemoPrincipal[]): DemoPrincipal[] {
  const group = (name: string, department: Department): DemoPrincipal => ({
    key: groupKey(name),
    department,
    title: null,
    body: {
      ...{ type: 'group' as const, displayName: name, email: null, externalId: random.uuid() },
      ...{ source: 'entra' as const, department, attributes: {} },
    },
    managerKey: null,
    ownerKey: inDepartment(people, department)[0]?.key ?? null,
    endsAs: null,
  });
  const departments = DEPARTMENTS.map((department) => group(department, department));
  return [group(ALL_STAFF, 'People'), ...departments, ...TEAMS.map((team) => group(team.name, team.department))];
}

function demoMemberships(people: readonly DemoPrincipal[], groups: readonly DemoPrincipal[]): DemoMembership[] {
  const nested = DEPARTMENTS.map((department) => ({ groupKey: groupKey(ALL_STAFF), memberKey: groupKey(department) }));
  const staff = people.map(({ key, department }) => ({ groupKey: groupKey(department), memberKey: key }));
  const teams = TEAMS.flatMap((team) => [
    ...team.within.map((outer) => ({ groupKey: groupKey(outer), memberKey: groupKey(team.name) })),
    ...people
      .filter(({ title }) => title !== null && team.titles.includes(title))
      .map(({ key }) => ({ groupKey: groupKey(team.name), memberKey: key })),
  ]);
  const known = new Set(groups.map(({ key }) => key));
  return [...nested, ...staff, ...teams].filter((membership) => known.has(membership.groupKey));
}

function demoAssets(random: DemoRandom, people: readonly DemoPrincipal[], asOf: Date): DemoAsset[] {
  return ASSETS.map(({ name, type, sensitivity, department, parent, tags }) => {
    const path = [department, parent, name].filter((part) => part !== null).map((part) => part.toLowerCase().replaceAll(' ', '-'));
    const trackedDays = random.between(120, 700);
    const usageTrackedSince = random.chance(0.7) ? daysBefore(asOf, trackedDays) : null;
    return {
      key: assetKey(name),
      department,
      body: { type, name, externalId: path.join('/'), source: 'manual', sensitivity, tags, usageTrackedSince },
      ownerKey: random.pick(inDepartment(people, department).slice(0, 3)).key,
      parentKey: parent === null ? null : assetKey(parent),
    };
  });
}
