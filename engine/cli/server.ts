/** `zabra server FILE`: one server in the foreground, from a zoo.cfg. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, type StartOptions } from '../io/host.ts';
import { createJournal } from '../io/journal.ts';
import { OptionError } from '../server/options.ts';
import { applyMyid, ConfigError, locate, parseZooCfg } from './zoo-cfg.ts';

/** How often a parent process is told how this server is, ms. */
const reportMs = 250;

/**
 * Runs until SIGINT or SIGTERM, or until the parent that started it with a channel is gone.
 *
 * @throws Error with one sentence when it cannot start
 */
export async function runServer(file: string): Promise<void> {
  const { options, unknown } = readConfig(file);
  const journal = createJournal(options.id ?? 1, 'info');
  if (unknown.length > 0) journal.warn('keys that mean nothing here are ignored', { file, keys: unknown.join(', ') });
  const server = await start({ ...options, journal }, file);
  server.onFailure(() => process.exit(1));
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    server.close().then(
      () => process.exit(0),
      (error: Error) => {
        journal.error('stopping failed', { reason: error.message });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.send === undefined) return;
  process.on('disconnect', stop);
  setInterval(() => {
    if (process.connected) process.send!(server.status());
  }, reportMs).unref();
}

async function start(options: StartOptions, file: string): Promise<Server> {
  try {
    return await Server.start(options);
  } catch (error) {
    throw error instanceof OptionError ? locate(error, file) : error;
  }
}

function readConfig(file: string): { options: StartOptions; unknown: readonly string[] } {
  if (!existsSync(file)) throw new ConfigError(`${file} does not exist: name a zoo.cfg.`);
  const config = parseZooCfg(readFileSync(file, 'utf8'), file);
  const { dataDir, servers } = config.options;
  if ((servers ?? []).length === 0) return { options: config.options, unknown: config.unknown };
  const myidFile = join(dataDir, 'myid');
  if (!existsSync(myidFile)) {
    throw new ConfigError(
      `${myidFile} does not exist: write this server's number (the N of its server.N line) into it.`,
    );
  }
  const options = applyMyid(config, readFileSync(myidFile, 'utf8'), file, myidFile);
  return { options, unknown: config.unknown };
}
