/** The journal: one JSON line per event, and never the end of a server. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createJournal } from '../../../engine/io/journal.ts';
import { temporaryFolder } from '../../support/log.ts';

test('journal: a line per event is in the file at once', (t) => {
  const file = join(temporaryFolder(t), 'journal');
  const journal = createJournal(3, 'info', file);
  journal.info('role', { role: 'leading', epoch: 7 });
  journal.warn('slow fsync');
  const lines = readFileSync(file, 'utf8').replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z",/g, '');
  assert.equal(
    lines,
    '{"level":"info","server":3,"role":"leading","epoch":7,"msg":"role"}\n' +
      '{"level":"warn","server":3,"msg":"slow fsync"}\n',
  );
});

test(
  'journal: a full disk does not end the server',
  { skip: !existsSync('/dev/full') && 'there is no /dev/full' },
  async () => {
    const journal = createJournal(3, 'info', '/dev/full');
    for (let i = 0; i < 5; i++) {
      journal.info('role', { i });
      await new Promise(setImmediate);
    }
  },
);
