/** A revision of the project, built in a folder of its own, to be measured against another one. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commitDigits, describeRevision, projectFolder, type Revision } from '../measure/machine.ts';
import { temporaryFolder } from './process.ts';

export interface Checkout {
  readonly folder: string;
  /** What its name, which may be that of a branch, stands for now. */
  readonly revision: Revision;
}

/**
 * A built checkout: the folder that `name` names, or a git revision unpacked and built under `parent`.
 *
 * @throws Error with one sentence when there is no such thing or it does not build
 */
export function checkout(name: string, parent: string): Checkout {
  if (existsSync(name) && statSync(name).isDirectory()) {
    const folder = resolve(name);
    if (!existsSync(join(folder, 'dist', 'engine', 'cli', 'main.js')))
      throw new Error(`${name} is not built: run "npm run build" there.`);
    return { folder, revision: describeRevision(folder) };
  }
  const found = spawnSync('git', ['-C', projectFolder, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`]);
  if (found.status !== 0) throw new Error(`"${name}" is neither a record, nor a built checkout, nor a git revision.`);
  const folder = temporaryFolder(parent, 'revision-');
  const commit = found.stdout.toString('utf8').trim();
  run(`git -C '${projectFolder}' archive ${commit} | tar -x -C '${folder}'`, `unpacking ${name}`);
  // A copy, since the set-up of another revision may install other versions.
  run(`cp -a '${join(projectFolder, 'node_modules')}' '${folder}/'`, 'copying node_modules');
  run(`cd '${folder}' && '${process.execPath}' scripts/setup.mjs`, `building ${name}`);
  return { folder, revision: { commit: commit.slice(0, commitDigits), dirty: false } };
}

function run(command: string, what: string): void {
  const { status, stderr, stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${what} failed: ${`${stdout}${stderr}`.trim().split('\n').at(-1)}`);
}
