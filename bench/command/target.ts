/** The servers that a command measures: its own, or those that `--hosts` names. */
import { hostsTarget, type Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import type { Options } from './options.ts';
import type { Run } from './run.ts';

export async function openTarget(run: Run, { hosts, size, dataFolder, settings }: Options): Promise<Target> {
  if (hosts !== null) return hostsTarget(hosts);
  run.progress.step(`starting ${size} server${size === 1 ? '' : 's'}`);
  return startZabra({ size, dataFolder, settings });
}
