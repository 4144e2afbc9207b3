/** Whether what does not say otherwise runs on a real broker and on ClickHouse over HTTP (`npm run test:real`), and not on the in-process pair. */
export const IS_ON_REAL_PARTS = process.env['TEST_PARTS'] === 'real';
