import { eventKey, parseSentUsageEvent, parseUsageEvent, usageKey, usageMessage } from './usage-event.js';

const NOW = new Date('2026-03-01T00:00:00.000Z');
const ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const OTHER = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b11';
const named = { eventId: 'a1', grantId: ID, usedAt: '2026-02-03T10:00:00.000Z' };

describe('a usage event', () => {
  it('comes off the topic as it was put there, whatever it names', () => {
    const external = { principalSource: 'entra', principalExternalId: 'p "1"', assetSource: 'manual', assetExternalId: 'warehouse/é' };
    const subjects = [{ grantId: ID }, { principalId: ID, assetId: OTHER, permission: 'SELECT' }, external];
    for (const subject of subjects) {
      const event = { ...parseUsageEvent({ eventId: 'a1', usedAt: '2026-02-03T10:00:00.123Z', count: 3, ...subject }, NOW), sender: 'me' };
      expect(parseSentUsageEvent(JSON.parse(usageMessage(event).value), NOW)).toEqual(event);
    }
  });

  it('is known again by its sender and id together', () => {
    const event = { ...parseUsageEvent(named, NOW), sender: 'a' };
    expect(eventKey(event)).toBe(eventKey({ ...event, usedAt: NOW }));
    expect(eventKey(event)).not.toBe(eventKey({ ...event, sender: 'b' }));
    expect(eventKey({ ...event, sender: 'a1', eventId: '1' })).not.toBe(eventKey({ ...event, sender: 'a', eventId: '11' }));
  });

  it('keeps its place among the events of the same grant', () => {
    expect(usageKey(parseUsageEvent({ ...named, grantId: ID.toUpperCase() }, NOW))).toBe(ID);
  });

  it('is taken up to 5 minutes ahead of the clock', () => {
    expect(parseUsageEvent({ ...named, usedAt: '2026-03-01T00:05:00.000Z' }, NOW).usedAt).toEqual(new Date('2026-03-01T00:05:00.000Z'));
  });

  it.each<[string, unknown, string]>([
    ['no object', 5, 'must be an object'],
    ['a list', [], 'must be an object'],
    ['an unknown member', { ...named, colour: 'red' }, 'colour is not known here'],
    ['no id', { ...named, eventId: undefined }, 'eventId is required'],
    ['an empty id', { ...named, eventId: '' }, 'eventId must be one line of text of 1 to 200 characters'],
    ['an id of 201 characters', { ...named, eventId: 'x'.repeat(201) }, 'eventId must be one line of text of 1 to 200 characters'],
    ['an id with a line break', { ...named, eventId: 'a\nb' }, 'eventId must be one line of text of 1 to 200 characters'],
    ['an id with half a character', { ...named, eventId: 'a\ud800' }, 'eventId must be one line of text of 1 to 200 characters'],
    ['nothing that was used', { eventId: 'a1', usedAt: named.usedAt }, 'principalId is required, or grantId, or the id in its source'],
    ['no asset', { eventId: 'a1', principalId: ID, usedAt: named.usedAt }, 'assetId is required, or grantId, or the id in its source'],
    ['a grant and a principal', { ...named, principalId: ID }, 'principalId must not stand beside grantId'],
    ['a grant that is no UUID', { ...named, grantId: 'x' }, 'grantId must be a UUID'],
    [
      'two names of one asset',
      { eventId: 'a', principalId: ID, assetId: ID, assetSource: 's', usedAt: '' },
      'assetId must not stand beside assetSource',
    ],
    ['no time', { eventId: 'a1', grantId: ID }, 'usedAt is required'],
    [
      'a day that is none',
      { ...named, usedAt: '2026-02-30T10:00:00Z' },
      'usedAt must be an RFC 3339 time such as 2026-01-31T09:00:00.000Z',
    ],
    [
      'a time without its zone',
      { ...named, usedAt: '2026-02-03T10:00:00' },
      'usedAt must be an RFC 3339 time such as 2026-01-31T09:00:00.000Z',
    ],
    ['a time too far ahead', { ...named, usedAt: '2026-03-01T00:05:00.001Z' }, 'usedAt lies more than 5 minutes in the future'],
    ['half a use', { ...named, count: 0.5 }, 'count must be a whole number from 1 to 1000000000'],
    ['no use', { ...named, count: 0 }, 'count must be a whole number from 1 to 1000000000'],
  ])('is refused with %s', (_fault, value, problem) => {
    expect(() => parseUsageEvent(value, NOW)).toThrow(problem);
  });

  it('says on the topic who sent it', () => {
    expect(() => parseSentUsageEvent(named, NOW)).toThrow('sender is required');
  });
});
