import { runProcess } from '#libs/observability/run-process.js';
import { startGateway } from './start.js';

await runProcess(startGateway);
