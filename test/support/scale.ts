const DEFAULT_SCALE = 0.05;

/**
 * How many rounds, rows or examples this run makes of the `full` count that an issue asks for: all of them with TEST_SCALE=1
 * (`npm run test:full`), a twentieth otherwise, and never none.
 *
 * @throws Error when TEST_SCALE is set to something that is no positive number, rather than test less than was asked for
 */
export function scaled(full: number): number {
  const scale = Number(process.env['TEST_SCALE'] ?? DEFAULT_SCALE);
  if (!Number.isFinite(scale) || scale <= 0) throw new Error('TEST_SCALE must be a positive number, 1 for a full run.');
  return Math.max(1, Math.ceil(full * scale));
}
