/** What stops a start and is the user's to put right: its message is one plain line that is printed without a stack trace. */
export class StartError extends Error {}

/** Why everything is being stopped: the user or the system asked for it. */
export class StopRequest extends Error {
  constructor(readonly by: NodeJS.Signals) {
    super(`stopped by ${by}`);
  }
}

/** The `code` of a Node system error (`EADDRINUSE`, `EACCES` …), or null for any other error. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
