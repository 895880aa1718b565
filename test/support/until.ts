/** Waiting for a condition of another process, which can only be asked again and again. */
const pauseMs = 25;

/**
 * Resolves with the first result of `probe` that is not null, undefined or false.
 *
 * @param what completes the sentence of the error: "no … within 5000 ms"
 * @param context adds to the error what is known at that time
 */
export async function until<T>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  context: () => string = () => '',
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const result = await probe();
    if (result !== null && result !== undefined && result !== false) return result;
    if (performance.now() > end) throw new Error(`no ${what} within ${deadlineMs} ms ${context()}`);
    await pause(pauseMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
