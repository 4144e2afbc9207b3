import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

/** Whether this process has been told to stop: it still answers, but asks for no more work. Knows the requests that are being answered. */
@Injectable()
export class Draining {
  private started = false;
  private readonly open = new Set<ServerResponse>();

  get active(): boolean {
    return this.started;
  }

  /** Whether a request that has arrived whole is being answered. */
  get answering(): boolean {
    return [...this.open].some((response) => response.req.complete);
  }

  /**
   * Tells of a request as it comes in; `untrack` has to be called when it ends. While draining its answer asks the client to come back on another
   * connection, also where the answer was being worked out when the draining began: so no connection is cut in use, and none stays open for a
   * request that never comes.
   */
  track(response: ServerResponse): void {
    this.open.add(response);
    if (this.started) closeAfter(response);
  }

  untrack(response: ServerResponse): void {
    this.open.delete(response);
  }

  start(): void {
    this.started = true;
    this.open.forEach(closeAfter);
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
