/** The journal on pino: one JSON line per event, written at once so that a crash loses none. */
import { destination, pino, type Level } from 'pino';
import type { Journal } from '../server/ports.ts';

/** Lines that could not be written are kept up to this, and then dropped. */
const unwrittenBytesMax = 1024 * 1024;

/**
 * @param server id that each line carries as `server`
 * @param level the least important level that is written
 * @param file path of a file to append to; standard output when absent
 */
export function createJournal(server: number, level: Level | 'silent', file?: string): Journal {
  const target = destination({ dest: file ?? 1, sync: true, mkdir: false, maxLength: unwrittenBytesMax });
  // A journal that cannot be written (a full disk, a reader that left) must not end the server: there is
  // nobody to tell. What waits is written with the next line that can be.
  target.on('error', () => {});
  const logger = pino(
    {
      level,
      base: { server },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    target,
  );
  return {
    info: (event, fields) => logger.info(fields ?? {}, event),
    warn: (event, fields) => logger.warn(fields ?? {}, event),
    error: (event, fields) => logger.error(fields ?? {}, event),
  };
}
