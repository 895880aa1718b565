/** The servers that a command measures: its own, or those that `--hosts` names. */
import { Client, deleteAll, KeeperError, type ErrorName } from '../../engine/client/index.ts';
import { probePath } from '../check/probe.ts';
import { keysPath, madePath, rootPath } from '../load/zookeeper-frames.ts';
import { hostsTarget, type Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import type { Options } from './options.ts';
import type { Run } from './run.ts';

const patienceMs = 10_000;

export async function openTarget(run: Run, { hosts, size, dataFolder, settings }: Options): Promise<Target> {
  if (hosts !== null) {
    const target = hostsTarget(hosts);
    return { ...target, close: () => removeMade(run, target) };
  }
  run.progress.step(`starting ${size} server${size === 1 ? '' : 's'}`);
  return startZabra({ size, dataFolder, settings });
}

/** Whatever loads and probes made goes, so that somebody's ensemble is left as it was found. */
async function removeMade(run: Run, { label }: Target): Promise<void> {
  run.progress.step('removing what was made');
  try {
    const client = await Client.connect(label, { timeoutMs: patienceMs });
    try {
      for (const path of [keysPath, madePath, probePath]) await deleteAll(client, path).catch(unless('noNode'));
      // What somebody else keeps there stays.
      await client.delete(rootPath).catch(unless('noNode', 'notEmpty'));
    } finally {
      await client.close();
    }
  } catch (error) {
    // Why the run failed, if it did, matters more than this.
    process.stderr.write(`bench: what was made at ${label} may still be there: ${(error as Error).message}\n`);
  }
}

function unless(...codes: readonly ErrorName[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof KeeperError && codes.includes(error.code))) throw error;
  };
}
