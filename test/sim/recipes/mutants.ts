/** Known mistakes of recipes, planted one at a time in a copy of the built code: the runs must find them. */
import type { Mutant } from '../mutants.ts';

export interface RecipeMutant extends Mutant {
  /** The recipe that suffers. */
  readonly recipe: string;
}

export const recipeMutants: readonly RecipeMutant[] = [
  {
    name: 'forgets-its-node',
    issue: 'ZOOKEEPER-22, CURATOR-45',
    recipe: 'lock',
    file: 'recipes/place.js',
    find: 'const place = await Place.#find(client, folder, prefix);',
    replace: 'const place = null;',
  },
  {
    name: 'ignores-who-is-before-it',
    issue: '',
    recipe: 'lock',
    file: 'recipes/line.js',
    find: 'const own = line.findIndex(({ name }) => name === place.name);',
    replace: 'const own = Math.min(0, line.findIndex(({ name }) => name === place.name));',
  },
  {
    name: 'writer-ignores-readers',
    issue: '',
    recipe: 'read-write lock',
    file: 'recipes/read-write-lock.js',
    find: "waitsFor: ['lock', 'read', 'write']",
    replace: "waitsFor: ['lock', 'write']",
  },
  {
    name: 'repeats-what-may-have-been-done',
    issue: '',
    recipe: 'counter',
    file: 'recipes/calls.js',
    find: 'if (await isThere(client, mark))',
    replace: 'if (false)',
  },
  {
    name: 'waits-without-a-watch',
    issue: '',
    recipe: 'election',
    file: 'recipes/one-watch.js',
    find: 'await bound(watch.read((watcher) => client.getData(path, { watch: watcher })));',
    replace: 'await bound(watch.read(() => client.getData(path)));',
  },
  {
    name: 'misses-what-happened-without-a-connection',
    issue: '',
    recipe: 'cache',
    file: 'recipes/cache.js',
    find: "type === 'resumed')\n            this.#readAll();",
    replace: "type === 'resumed')\n            return;",
  },
];
