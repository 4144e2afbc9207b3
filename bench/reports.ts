import { runMeasuringTest } from './load/measuring-test.js';

/* A report of a million rows, in CSV and JSON Lines, beside a COPY of the same columns; the memory of the worker that writes it. */

runMeasuringTest('test/reports/million-rows');
