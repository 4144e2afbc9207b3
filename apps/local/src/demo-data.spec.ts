import { demoCompany } from './demo-data.js';

const AS_OF = new Date('2026-03-01T12:00:00.000Z');
const company = demoCompany(AS_OF);

describe('the demo company', () => {
  it('is the same for the same instant', () => {
    expect(demoCompany(AS_OF)).toEqual(company);
  });

  it('names only what it holds, and names everything once', () => {
    const keys = [...company.principals, ...company.assets, ...company.grants].map(({ key }) => key);
    const known = new Set(keys);
    expect(known.size).toBe(keys.length);
    const named = [
      ...company.principals.flatMap(({ managerKey, ownerKey }) => [managerKey, ownerKey]),
      ...company.memberships.flatMap(({ groupKey, memberKey }) => [groupKey, memberKey]),
      ...company.assets.flatMap(({ ownerKey, parentKey }) => [ownerKey, parentKey]),
      ...company.grants.flatMap(({ principalKey, assetKey }) => [principalKey, assetKey]),
    ];
    expect(named.filter((key) => key !== null && !known.has(key))).toEqual([]);
  });

  it('has names and ids of its sources once only', () => {
    for (const things of [company.principals, company.assets]) {
      expect(new Set(things.map(({ body }) => body.externalId)).size).toBe(things.length);
    }
    expect(new Set(company.principals.map(({ body }) => body.displayName)).size).toBe(company.principals.length);
  });

  it('gives everybody but the chief executive a manager, and every service account an owner', () => {
    const people = company.principals.filter(({ body }) => body.type === 'user');
    expect(people.filter(({ managerKey }) => managerKey === null).map(({ title }) => title)).toEqual(['Chief Executive Officer']);
    const services = company.principals.filter(({ body }) => body.type === 'service_account');
    expect(services.every(({ ownerKey }) => ownerKey !== null)).toBe(true);
  });

  it('grants nothing in the future, and lets nothing run out before it was granted', () => {
    for (const { body } of company.grants) {
      expect(Date.parse(body.grantedAt)).toBeLessThan(AS_OF.getTime());
      if (body.expiresAt !== null) expect(Date.parse(body.expiresAt)).toBeGreaterThan(Date.parse(body.grantedAt));
    }
  });
});
