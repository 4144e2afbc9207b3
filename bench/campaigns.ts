import { runJest } from '../test/support/run-jest.js';

/* Preview and launch of a campaign about 100,000 grants and 500 reviewers, and a page of a packet's items. Its test measures what it checks. */

process.exitCode = runJest(['test/reviews/large-campaign']);
