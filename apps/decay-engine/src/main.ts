import { runProcess } from '#libs/observability/run-process.js';
import { startDecayEngine } from './start.js';

await runProcess(startDecayEngine);
