/** What the work answers, unless that takes longer than `timeoutMs`: then it rejects. The work itself is not stopped. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`There was no answer within ${timeoutMs} ms.`));
    }, timeoutMs);
  });
  // What comes after the time is up interests nobody, and must not become an unhandled rejection.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
