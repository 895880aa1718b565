/** The examples of the recipes, each as a program of its own: what they print is what they promise. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ensemble } from '../../engine/index.ts';

const printed: Readonly<Record<string, string>> = {
  lock: 'writing with a fencing token: true, lost: false\n',
  'read-write-lock': 'a writer beside readers: null\nwriting alone\n',
  semaphore: 'exporting a\nexporting b\nexporting c\n',
  'leader-election': 'the leader is host-1, still in office: true\n',
  barrier: 'migrating\ngoing on\n',
  'double-barrier': 'one works\ntwo works\nboth are done\n',
  queue: 'first, then second\n',
  'priority-queue': 'fire, then disk is getting full\n',
  counter: 'order 1, order 2\n',
  'config-store': 'rate 20\n',
  membership: 'host-1 in zone a\n',
  'service-registry': 'search at 10.0.0.7:8080, version 2\n',
  cache: 'created /tree/branch: green\n',
};

let ensemble: Ensemble;
before(async () => {
  ensemble = await Ensemble.start({ servers: 1 });
});
after(() => ensemble.close());

for (const [name, expected] of Object.entries(printed)) {
  test(name, async () => {
    const file = fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [file, ensemble.connectString], { timeout: 20_000 });
    // Who works side by side may print in any order.
    const lines = (text: string): string[] =>
      /^(semaphore|double-barrier)$/.test(name) ? text.split('\n').toSorted() : [text];
    assert.deepEqual(lines(stdout), lines(expected));
  });
}
