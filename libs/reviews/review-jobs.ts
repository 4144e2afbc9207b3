import { type Transaction, Transactions } from '#libs/database/transaction.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';
import { type Campaign, type CampaignLock, lockCampaigns } from './campaign.js';
import { beginClosing, closingStep } from './closing.js';
import { launchStep } from './launch.js';
import { remind } from './reminders.js';
import { settleEnded } from './remediation.js';
import { runStanding } from './standing.js';
import { reviewsCaller } from './system-caller.js';
import { undoStep } from './undo.js';

/** How long a campaign whose step failed is left alone, so that the others go on, in milliseconds. */
const PARKED_MS = 5_000;

/**
 * What reviews do by themselves, in steps of one transaction each: launching, closing and undoing campaigns, due dates, reminders, standing
 * campaigns. Any number of runners share the work; one that dies half-way leaves a step undone, and the next runner takes it.
 */
@Injectable()
export class ReviewJobs {
  private readonly parked = new Map<string, number>();

  constructor(private readonly transactions: Transactions) {}

  /** Takes the next step of any campaign that has work to do, or whose due date has passed. Answers whether there was one. */
  async step(now = Date.now()): Promise<boolean> {
    for (const [id, until] of this.parked) if (until <= now) this.parked.delete(id);
    const free = sql`c.id <> ALL (${[...this.parked.keys()]}::uuid[])`;
    return (
      (await this.take(sql`c.work IS NOT NULL AND ${free}`, 'change if free', advance)) ||
      (await this.take(
        sql`c.status = 'active' AND c.kind <> 'standing' AND c.work IS NULL AND c.due_at <= statement_timestamp() AND ${free}`,
        'change if free',
        (tx, campaign) => beginClosing(tx, campaign, 'due'),
      ))
    );
  }

  /** The next step of one campaign. Answers whether there was one; waits where another runner is at it. */
  stepOf(campaignId: string): Promise<boolean> {
    return this.take(sql`c.id = ${campaignId} AND c.work IS NOT NULL`, 'change', advance);
  }

  /** Reminders, standing campaigns, and what connectors have taken away. Answers whether there may be more. */
  async chores(): Promise<boolean> {
    let more = false;
    for (const chore of [remind, runStanding, settleEnded]) {
      await this.transactions.write(reviewsCaller(), async (tx) => {
        if (await chore(tx)) more = true;
      });
    }
    return more;
  }

  private async take(which: Sql, lock: CampaignLock, work: (tx: Transaction, campaign: Campaign) => Promise<void>): Promise<boolean> {
    let taken: string | undefined;
    try {
      await this.transactions.write(reviewsCaller(), async (tx) => {
        taken = undefined;
        const [campaign] = await lockCampaigns(tx, which, lock);
        if (!campaign) return tx.leaveUnchanged();
        taken = campaign.id;
        return work(tx, campaign);
      });
    } catch (error) {
      if (taken) this.parked.set(taken, Date.now() + PARKED_MS);
      throw error;
    }
    return taken !== undefined;
  }
}

function advance(tx: Transaction, campaign: Campaign): Promise<void> {
  switch (campaign.work) {
    case 'launch':
      return launchStep(tx, campaign);
    case 'undo':
      return undoStep(tx, campaign);
    case 'defaults':
    case 'check':
    case 'apply':
    case null:
      return closingStep(tx, campaign);
  }
}
