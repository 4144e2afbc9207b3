/**
 * Ends a run of jest with one line for machines, `123 passed, 0 failed`, alone and last on stdout. A file that could not be run counts as
 * one failure. With CI=true a test that was left out, and a run without any test, fails the run: what is not there must not look green.
 */
export default class ClosingLineReporter {
  /** @type {Error | undefined} */
  #complaint;

  onRunComplete(_contexts, results) {
    const ci = process.env.CI === 'true';
    const leftOut = results.numPendingTests + results.numTodoTests;
    let failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    if (ci && leftOut > 0) {
      this.#complaint = new Error(`${leftOut} tests were left out.`);
      failed += leftOut;
    } else if (ci && results.numTotalTests === 0) {
      this.#complaint = new Error('There was no test to run.');
      failed += 1;
    }
    // At the very end: jest's own summary comes after all reporters, whatever their order, and what is torn down may have something to say.
    process.once('exit', () => {
      // An error of ours turns jest's exit code, but jest does not print it.
      if (this.#complaint) process.stdout.write(`${this.#complaint.message}\n`);
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`);
    });
  }

  getLastError() {
    return this.#complaint;
  }
}
