import { ConfigError } from '#libs/config/config.js';
import type { LocalApp } from './local-app.js';
import { startLocalApp } from './local-app.js';
import { StartError, StopRequest } from './start-error.js';

/** Longer than any part's own limit; what then still runs is found by the next start. */
const STOP_WITHIN_MS = 30_000;

const say = (line: string): void => console.error(line);

/** Aborted by the first Ctrl-C or SIGTERM. Later ones change nothing: npm passes on what the terminal has sent already. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort(new StopRequest(name)));
  return controller.signal;
}

function announce({ origin }: LocalApp): void {
  const lines = ['', `API     ${origin}/v1`, `Docs    ${origin}/v1/docs`, `Health  ${origin}/v1/health`, ''];
  console.log(lines.join('\n'));
}

async function run(signal: AbortSignal): Promise<number> {
  const app = await startLocalApp(process.env, signal, say);
  if (!signal.aborted) announce(app);
  const aborted = new Promise<null>((resolve) => (signal.aborted ? resolve(null) : signal.addEventListener('abort', () => resolve(null))));
  const lost = await Promise.race([aborted, app.lost]);
  if (lost !== null) say(lost);
  else console.log('Stopping.');
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  await app.stop();
  return lost === null ? 0 : 1;
}

const signal = stopSignal();
try {
  process.exit(await run(signal));
} catch (error) {
  if (signal.aborted) process.exit(0);
  // What the user can put right is one plain line; anything else is a fault of ours, and its stack is of use.
  console.error(error instanceof StartError || error instanceof ConfigError ? error.message : error);
  process.exit(1);
}
