/**
 * Ends a run of jest with one line for machines, `123 passed, 0 failed`, alone and last on stdout. A file that could not be run counts as
 * one failure. With CI=true a test that was left out, and a run without any test, fails the run: what is not there must not look green.
 */
export default class ClosingLineReporter {
  /** @type {Error | undefined} */
  #complaint;

  constructor(_globalConfig, _options, { stdout = process.stdout, ci = process.env.CI === 'true' } = {}) {
    this.stdout = stdout;
    this.ci = ci;
  }

  onRunComplete(_contexts, results) {
    const leftOut = results.numPendingTests + results.numTodoTests;
    let failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    if (this.ci && leftOut > 0) {
      this.#complaint = new Error(`${leftOut} tests were left out.`);
      failed += leftOut;
    } else if (this.ci && results.numTotalTests === 0) {
      this.#complaint = new Error('There was no test to run.');
      failed += 1;
    }
    // An error of ours turns jest's exit code, but jest does not print it.
    if (this.#complaint) this.stdout.write(`${this.#complaint.message}\n`);
    this.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`);
  }

  getLastError() {
    return this.#complaint;
  }
}
