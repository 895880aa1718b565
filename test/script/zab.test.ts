/**
 * Every transcript in test/script/zab still happens word for word.
 *
 *   node dist/test/script/zab.test.js --rewrite       writes down what happens now: read the diff
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { replay } from './transcript.ts';

const folder = fileURLToPath(new URL('../../../test/script/zab', import.meta.url));
const isRewrite = process.argv.includes('--rewrite');

for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
  test(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const path = join(folder, name);
    const before = readFileSync(path, 'utf8');
    const now = replay(before);
    if (isRewrite) writeFileSync(path, now);
    else assert.equal(now, before);
  });
}
