import { dueTimes } from './due-times.js';

const NOW = new Date('2026-03-28T12:00:00.000Z');

describe('the due times of a schedule', () => {
  it('are those of its time zone, also when clocks change', () => {
    const times = dueTimes('30 6 * * *', 'Europe/Berlin', NOW);
    expect(times.after(NOW)?.toISOString()).toBe('2026-03-29T04:30:00.000Z');
    expect(times.upTo(NOW)?.toISOString()).toBe('2026-03-28T05:30:00.000Z');
  });

  it('include the instant that is asked about', () => {
    const due = new Date('2026-03-28T05:30:00.000Z');
    const times = dueTimes('30 6 * * *', 'Europe/Berlin', NOW);
    expect(times.upTo(due)).toEqual(due);
    expect(times.upTo(new Date(due.getTime() + 1))).toEqual(due);
    expect(times.after(due)?.toISOString()).toBe('2026-03-29T04:30:00.000Z');
  });

  it.each(['', 'x', '* * * *', '* * * * * *', '60 * * * *', '0 0 30 2 *', '*/0 * * * *', '0 24 * * *', '2026-01-01T00:00:00'])(
    'are none of the cron %j, and the path says so',
    (cron) => {
      expect(() => dueTimes(cron, 'UTC', NOW)).toThrow(expect.objectContaining({ details: [expect.objectContaining({ path: 'cron' })] }));
    },
  );

  it.each(['', 'Mars/Olympus', '+02:00', '1'])('are none of the time zone %j, and the path says so', (zone) => {
    expect(() => dueTimes('0 6 * * *', zone, NOW)).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ path: 'timeZone' })] }),
    );
  });
});
