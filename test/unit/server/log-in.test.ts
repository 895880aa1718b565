/** What a client has proved to be goes along with each of its requests, so it is bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '../../../engine/base/bytes.ts';
import { Connection } from '../../../engine/server/connection.ts';
import { logIn } from '../../../engine/server/log-in.ts';
import type { ClientLink } from '../../../engine/server/ports.ts';
import { identityBytesMax } from '../../../engine/txn/request.ts';
import { decodeIds } from '../../../engine/wire/acl.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { secrets } from '../../support/machine.ts';
import { Record } from '../../support/raw-client.ts';

const link: ClientLink = {
  address: '127.0.0.1',
  label: '/127.0.0.1:1',
  backlog: 0,
  write: () => true,
  pause: () => {},
  resume: () => {},
  close: () => {},
};

function auth(connection: Connection, user: string): boolean {
  const record = new Record().int(0).buffer('digest').buffer(`${user}:password`).bytes();
  return logIn(connection, opcode.auth, -4, new Reader().reset(record), new Writer(), secrets, '');
}

test('a name too long, or names too many, are refused and change nothing', () => {
  const connection = new Connection(1, link, 0);
  assert.equal(auth(connection, 'u'.repeat(identityBytesMax)), false);
  assert.deepEqual(decodeIds(connection.identity), [{ scheme: 'ip', id: '127.0.0.1' }]);
  let proved = 0;
  while (auth(connection, `${proved}${'u'.repeat(1000)}`)) proved++;
  assert.ok(proved > 50, `${proved} names of a thousand letters`);
  assert.equal(decodeIds(connection.identity).length, proved + 1);
  assert.ok(connection.identity.length <= identityBytesMax);
});
