import { Presets, SingleBar } from 'cli-progress';

/** Called with how much of a run's plan is done. */
export type OnProgress = (done: number, total: number) => void;

/**
 * A bar on stderr while changes are carried out, for a person at a terminal; nothing where stderr is a file or a pipe, and nothing for a run
 * without changes.
 */
export class ProgressBar {
  private bar: SingleBar | null = null;

  readonly show: OnProgress = (done, total) => {
    if (!process.stderr.isTTY || total === 0) return;
    if (!this.bar) {
      this.bar = new SingleBar(
        { format: '{bar} {value} of {total} changes, {eta_formatted} left', stream: process.stderr },
        Presets.shades_classic,
      );
      this.bar.start(total, done);
    }
    this.bar.update(done);
    if (done >= total) this.end();
  };

  /** Takes the bar away, so that what is printed next begins on a line of its own. */
  end(): void {
    this.bar?.stop();
    this.bar = null;
  }
}
