import { runJest } from '../test/support/run-jest.js';

/* A report of a million rows, in CSV and JSON Lines, beside a COPY of the same columns; the memory of the worker that writes it. Its test measures what it checks. */

process.exitCode = runJest(['test/reports/million-rows']);
