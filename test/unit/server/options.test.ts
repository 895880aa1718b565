/** Every setting: documented, and refused by name when it cannot be. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { completeOptions, OptionError, type ServerOptions } from '../../../engine/server/options.ts';

const defaults = completeOptions({ dataDir: 'data' });

/** Values that no setting with such a default can have. */
function impossible(value: unknown): readonly unknown[] {
  switch (typeof value) {
    case 'number':
      return [-2, 0.5, Number.NaN, Infinity, 2 ** 53, '1', null, true, {}];
    case 'boolean':
      return [0, 'yes', null];
    case 'string':
      return [7, null, [], false];
    default:
      return ['x', 7, null, {}, [null], [7]];
  }
}

for (const [field, value] of Object.entries(defaults))
  test(`${field}: what it cannot be`, () => {
    for (const wrong of impossible(value))
      assert.throws(
        () => completeOptions({ dataDir: 'data', [field]: wrong } as { dataDir: string } & Partial<ServerOptions>),
        (error: unknown) => {
          assert.ok(error instanceof OptionError, `${field} ${String(wrong)}: ${String(error)}`);
          assert.match(error.field, new RegExp(`^${field}$|^server`));
          return error.message.startsWith(`${error.field} must be `);
        },
        `${field} ${String(wrong)}`,
      );
  });

test('there is no other setting', () => {
  for (const field of ['ticktime', 'journal', 'toString', '__proto__x'])
    assert.throws(() => completeOptions({ dataDir: 'data', [field]: 1 } as { dataDir: string }), { field });
});

test('each has a comment with its default, and times and sizes have their unit', () => {
  const file = fileURLToPath(new URL('../../../../engine/server/options.ts', import.meta.url));
  const text = readFileSync(file, 'utf8').split('export interface ServerOptions {')[1]!.split('\n}\n')[0]!;
  // A comment holds for all fields up to the next one.
  const comments = new Map<string, string>();
  let comment = '';
  for (const [, body, field] of text.matchAll(/\/\*\*([\s\S]*?)\*\/|^ {2}readonly (\w+):/gm)) {
    if (field === undefined) comment = body!;
    else comments.set(field, comment);
  }
  assert.deepEqual([...comments.keys()].toSorted(), Object.keys(defaults).toSorted());
  const withoutDefault = new Set(['dataDir', 'id']);
  for (const [field, said] of comments) {
    if (!withoutDefault.has(field)) assert.match(said, /[Dd]efault|empty: |none\b/, `${field}: no default`);
    if (/Ms$|Time$|Timeout$/.test(field)) assert.match(said, /\bms\b/, `${field}: no unit`);
    if (/Bytes/.test(field)) assert.match(said, /\bbytes\b/i, `${field}: no unit`);
  }
});
