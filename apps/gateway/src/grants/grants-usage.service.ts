import { type Caller, writableSources } from '#libs/auth/request-caller.js';
import type { ErrorCode } from '#libs/errors/error-codes.js';
import { parseUsageEvent, type SentUsageEvent, UsageEventError } from '#libs/scoring/usage-event.js';
import { type UsageSubject, UsageSubjects } from '#libs/scoring/usage-subjects.js';
import { Injectable } from '@nestjs/common';
import { UsageOutlet } from './usage-outlet.js';

export interface UsageOutcome {
  index: number;
  eventId: string | null;
  outcome: 'accepted' | 'rejected';
  /** Of an accepted one: the grant that it names, or every one that could have allowed it. */
  credits?: 'grant' | 'every_matching_grant';
  /** Of a rejected one. */
  code?: ErrorCode;
  message?: string;
}

export interface UsageReceipt {
  accepted: number;
  rejected: number;
  outcomes: UsageOutcome[];
}

type Judged = { event: SentUsageEvent; outcome: UsageOutcome } | { event: null; outcome: UsageOutcome };

@Injectable()
export class GrantsUsageService {
  constructor(
    private readonly subjects: UsageSubjects,
    private readonly outlet: UsageOutlet,
  ) {}

  /** Judges each event on its own, and resolves when all that it accepts are durable. @throws UnavailableError where they cannot be made so */
  async report(events: readonly unknown[], caller: Caller): Promise<UsageReceipt> {
    const now = new Date();
    const judged = events.map((event, index) => readEvent(event, index, caller.identity.id, now));
    const parsed = judged.filter((each) => each.event !== null);
    const subjects = await this.subjects.find(parsed.map(({ event }) => event));
    const sources = writableSources(caller);
    const wanted = parsed.flatMap(({ event, outcome }, place) => {
      const subject = subjects[place] ?? { missing: 'grant' };
      Object.assign(outcome, verdict(subject, sources));
      return outcome.outcome === 'accepted' ? [withOurIds(event, subject)] : [];
    });
    await this.outlet.send(wanted);
    return { accepted: wanted.length, rejected: events.length - wanted.length, outcomes: judged.map(({ outcome }) => outcome) };
  }
}

function readEvent(value: unknown, index: number, sender: string, now: Date): Judged {
  try {
    const event = parseUsageEvent(value, now);
    return { event: { ...event, sender }, outcome: { index, eventId: event.eventId, outcome: 'accepted' } };
  } catch (error) {
    if (!(error instanceof UsageEventError)) throw error;
    const eventId = (value as { eventId?: unknown } | null)?.eventId;
    const named = typeof eventId === 'string' && eventId.length <= 200 ? eventId : null;
    return { event: null, outcome: { index, eventId: named, outcome: 'rejected', code: 'validation_failed', message: error.message } };
  }
}

/** A connector speaks for its own source alone; who it names may be of any, since people come from elsewhere. */
function verdict(subject: UsageSubject, sources: readonly string[] | null): Omit<UsageOutcome, 'index' | 'eventId'> {
  if ('missing' in subject)
    return { outcome: 'rejected', code: 'not_found', message: `names ${article(subject.missing)} that does not exist` };
  if (sources && !sources.includes(subject.source)) {
    return { outcome: 'rejected', code: 'forbidden', message: `is of the source ${subject.source}, of which the caller is no connector` };
  }
  return { outcome: 'accepted', credits: 'grantId' in subject ? 'grant' : 'every_matching_grant' };
}

const article = (what: 'grant' | 'principal' | 'asset'): string => (what === 'asset' ? 'an asset' : `a ${what}`);

/** What the ids of a source stand for is settled now: the event is about that for ever, whatever they come to stand for. */
function withOurIds(event: SentUsageEvent, subject: UsageSubject): SentUsageEvent {
  if ('missing' in subject || 'grantId' in subject) return event;
  const { principalId, assetId, permission } = subject;
  return { ...event, used: { principal: { id: principalId }, asset: { id: assetId }, permission } };
}
