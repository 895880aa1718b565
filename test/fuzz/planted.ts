/**
 * Why the fuzzer can be believed: bugs that it finds, each an edit of the built code made in a copy.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutated } from '../sim/mutate.ts';

export interface Planted {
  /** Completes "nobody checks …". */
  readonly name: string;
  readonly target: string;
  /** Below dist/engine; `find` occurs there once. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const planted: readonly Planted[] = [
  {
    name: 'whether a field lies within its record',
    target: 'replay',
    file: 'base/bytes.js',
    find: 'if (length < 0 || length > this.end - this.at)',
    replace: 'if (length < 0)',
  },
  {
    name: 'the checksum of a batch',
    target: 'log',
    file: 'txn/batch.js',
    find: 'if (get32(bytes, 4) !== checksum(bytes, 8, bytes.length))\n        return null;',
    replace: '',
  },
  {
    name: 'what lies behind the checksum of a batch',
    target: 'peer-frames',
    file: 'txn/batch.js',
    find: '|| !isFilled(bytes, count)',
    replace: '',
  },
  {
    name: 'how long a pong is',
    target: 'peer-frames',
    file: 'peer/frames.js',
    find: 'if ((body.length - 9) % 8 !== 0)\n        return null;',
    replace: '',
  },
  {
    name: 'the footer of a snapshot',
    target: 'snapshot-file',
    file: 'snapshot/file.js',
    find: 'if (!seal.matches(read(offset, footerBytes)))',
    replace: 'if (false)',
  },
  {
    name: 'whether a node comes twice',
    target: 'state',
    file: 'snapshot/state.js',
    find: 'if (store.find(path) !== -1)',
    replace: 'if (false)',
  },
  {
    name: 'that watches end with their connection',
    target: 'client',
    file: 'server/connections.js',
    find: 'this.#gone(connection);',
    replace: '',
  },
  {
    name: 'whether a frame of a server decodes',
    target: 'peer',
    file: 'server/replication.js',
    find: 'if (message === null)',
    replace: 'if (false)',
  },
  {
    name: 'whether an object has a key of its own',
    target: 'config',
    file: 'cli/zoo-cfg.js',
    find: 'Object.hasOwn(table, key) ? table[key] : undefined',
    replace: 'table[key]',
  },
  {
    name: 'how long the password of a connect request is',
    target: 'wire',
    file: 'base/bytes.js',
    find: 'if (length < 0 || length > this.end - at) {\n            this.fail();\n            return empty;\n        }',
    replace: '',
  },
  {
    name: 'how long a frame of a server is',
    target: 'live-peer',
    file: 'io/peer-mesh.js',
    find: 'if (length > peerFrameBytesMax)',
    replace: 'if (false)',
  },
];

const dist = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the fuzzer on a copy with the bug in it; returns what it prints. */
export function hunt(mutant: Planted): Promise<string> {
  const copy = join(dist, 'mutants', `fuzz ${mutant.name}`);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const folder of ['engine', 'workers', join('test', 'fuzz'), join('test', 'support')])
    cpSync(join(dist, folder), join(copy, folder), { recursive: true });
  writeFileSync(join(copy, 'engine', mutant.file), mutated({ ...mutant, issue: '' }));
  const args = [join(copy, 'test', 'fuzz', 'main.js'), '--target', mutant.target, '--seed', '1', '--minutes', '0.5'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', () => {
      rmSync(copy, { recursive: true, force: true });
      resolve(output);
    });
  });
}
