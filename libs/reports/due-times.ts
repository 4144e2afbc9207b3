import { BadRequestError } from '#libs/errors/errors.js';
import { Cron } from 'croner';

/** When a schedule comes due: five fields of cron (minute, hour, day of the month, month, day of the week) in a time zone of the IANA database. */
export interface DueTimes {
  /** The first due time after an instant; null where there is none. */
  after(instant: Date): Date | null;
  /** The last due time up to an instant, itself included; null where there is none. */
  upTo(instant: Date): Date | null;
}

/** @throws BadRequestError naming `cron` or `timeZone`, where one is not of its form, or never comes due */
export function dueTimes(cron: string, timeZone: string, now: Date): DueTimes {
  // Offsets such as +02:00 are taken by some versions of Node, and know no summer time.
  if (!/^[A-Za-z]/.test(timeZone) || !isTimeZone(timeZone))
    throw BadRequestError.rule('timeZone', 'must be a time zone such as Europe/Berlin');
  const pattern = parsed(cron, timeZone);
  if (pattern.nextRun(now) === null) throw BadRequestError.rule('cron', 'never comes due');
  return {
    after: (instant) => pattern.nextRun(instant),
    // The second after, since the instant itself counts.
    upTo: (instant) => pattern.previousRuns(1, new Date(Math.floor(instant.getTime() / 1_000) * 1_000 + 1_000))[0] ?? null,
  };
}

function parsed(cron: string, timezone: string): Cron {
  try {
    return new Cron(cron, { timezone, mode: '5-part', paused: true });
  } catch {
    throw BadRequestError.rule(
      'cron',
      'must be five fields of cron, such as 0 6 * * 1: minute, hour, day of the month, month, day of the week',
    );
  }
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
