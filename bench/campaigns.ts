import { runMeasuringTest } from './load/measuring-test.js';

/* Preview and launch of a campaign about 100,000 grants and 500 reviewers, and a page of a packet's items. */

runMeasuringTest('test/reviews/large-campaign');
