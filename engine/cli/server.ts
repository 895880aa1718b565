/** `zabra server FILE`: one server in the foreground, from a zoo.cfg. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Host, type StartOptions } from '../io/host.ts';
import { createJournal } from '../io/journal.ts';
import { OptionError } from '../server/options.ts';
import { keepHeapRoom } from './heap-room.ts';
import { applyMyid, ConfigError, locate, parseZooCfg, type ZooCfg } from './zoo-cfg.ts';

/** How often a parent process is told how this server is, ms. */
const reportMs = 250;

/**
 * Runs until SIGINT or SIGTERM, or until the parent that started it with a channel is gone.
 *
 * @throws Error with one sentence when it cannot start
 */
export async function runServer(file: string): Promise<void> {
  const { config, options } = readConfig(file);
  const journal = createJournal(options.id ?? 1, 'info');
  const { unknown } = config;
  if (unknown.length > 0) journal.warn('keys that mean nothing here are ignored', { file, keys: unknown.join(', ') });
  if (options.clientPort === undefined) journal.warn('no client can connect, since clientPort is not set', { file });
  keepHeapRoom();
  const server = await start({ ...options, journal }, config, file);
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
  // It may have gone before anybody listened.
  if (!process.connected) stop();
  setInterval(() => {
    if (process.connected) process.send!(server.status());
  }, reportMs).unref();
}

async function start(options: StartOptions, config: ZooCfg, file: string): Promise<Host> {
  try {
    return await Host.start(options);
  } catch (error) {
    throw error instanceof OptionError ? locate(error, config, file) : error;
  }
}

function readConfig(file: string): { config: ZooCfg; options: StartOptions } {
  const config = parseZooCfg(readText(file, 'name a zoo.cfg'), file);
  const { dataDir, servers } = config.options;
  if ((servers ?? []).length === 0) return { config, options: config.options };
  const myidFile = join(dataDir, 'myid');
  const myid = readText(myidFile, "write this server's number (the N of its server.N line) into it");
  return { config, options: applyMyid(config, myid, file, myidFile) };
}

function readText(file: string, advice: string): string {
  if (!existsSync(file)) throw new ConfigError(`${file} does not exist: ${advice}.`);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file} cannot be read (${(error as Error).message}): ${advice}.`);
  }
}
