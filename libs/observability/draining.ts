import { Injectable } from '@nestjs/common';

/** Whether this process has been told to stop: it still answers, but asks for no more work. */
@Injectable()
export class Draining {
  private started = false;

  get active(): boolean {
    return this.started;
  }

  start(): void {
    this.started = true;
  }
}
