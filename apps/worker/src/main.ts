import { runProcess } from '#libs/observability/run-process.js';
import { startWorker } from './start.js';

await runProcess(startWorker, ['API_AUDIT_SIGNING_KEY']);
