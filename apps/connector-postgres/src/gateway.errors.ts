/** The gateway cannot be used as things stand: it is away, or does not take this caller. Ends a run. One line, no secret in it. */
export class GatewayError extends Error {}

/** The gateway said no to one request and would say so again. Other operations go on. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    /** A code of the gateway's registry, or an empty text where the answer had none. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
