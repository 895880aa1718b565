/** Every kind of txn, as the leader prepares it, has a description; its bytes are all accounted for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from '../../../engine/base/bytes.ts';
import { describeTxn, type TxnFields } from '../../../engine/txn/describe.ts';
import { txnType } from '../../../engine/txn/types.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { ask, Machine, type Prepared } from '../../support/machine.ts';
import { Record } from '../../support/raw-client.ts';

function described({ type, body }: Prepared): TxnFields {
  const fields = describeTxn(type, new Reader().reset(body));
  assert.ok(fields !== null, `type ${type}`);
  return fields;
}

const open = [{ permissions: 31, scheme: 'world', id: 'anyone' }];

test('each kind of txn', () => {
  const machine = new Machine();
  const session = machine.session();
  const request = (asked: readonly [number, Record]): TxnFields => described(machine.request(asked, session));
  assert.deepEqual(request(ask.create('/a', 'x')), {
    type: 'create',
    path: '/a',
    data: Buffer.from('x'),
    acl: open,
    kind: 'persistent',
    parentCreations: 1,
  });
  const ephemeral = request([opcode.create2, ask.create('/a/e-', null, 3)[1]]);
  assert.deepEqual([ephemeral.type, ephemeral.path], ['create2', '/a/e-0000000000']);
  assert.deepEqual([ephemeral.kind, ephemeral.owner, ephemeral.data], ['ephemeral', session, null]);
  assert.deepEqual(request(ask.set('/a', 'y')), { type: 'setData', path: '/a', data: Buffer.from('y'), version: 1 });
  assert.deepEqual(request(ask.setAcl('/a')), { type: 'setAcl', path: '/a', acl: open, version: 1 });
  assert.deepEqual(request(ask.set('/gone')), { type: 'error', code: -101, operation: opcode.setData });
  assert.deepEqual(request([opcode.sync, new Record().buffer('/a')]), { type: 'sync', path: '/a' });
  const whole = request(ask.multi(ask.create('/b'), ask.check('/a', 1), ask.delete('/b')));
  assert.deepEqual(
    whole.operations?.map(({ type, path, version }) => `${type} ${path} ${version}`),
    ['create /b undefined', 'check /a 1', 'delete /b undefined'],
  );
  assert.deepEqual(request(ask.multi(ask.create('/b'), ask.delete('/gone'))), {
    type: 'multiError',
    operation: 1,
    code: -101,
  });
  assert.deepEqual(described(machine.close(session)), { type: 'closeSession' });
  machine.commit();
});

test('what makes a session tells no password', () => {
  const secret = Buffer.alloc(16, 0x5a);
  const body = new Record().int(9000).raw(secret).int(7).bytes();
  assert.deepEqual(describeTxn(txnType.createSession, new Reader().reset(body)), {
    type: 'createSession',
    timeoutMs: 9000,
  });
  assert.deepEqual(describeTxn(txnType.resumeSession, new Reader().reset(new Record().int(9000).int(7).bytes())), {
    type: 'resumeSession',
    timeoutMs: 9000,
  });
});

test('a body that is cut, or longer than its fields, or of an unknown type, has none', () => {
  const body = new Record().buffer('/a').buffer('x').int(1).bytes();
  for (let length = 0; length < body.length; length++)
    assert.equal(describeTxn(txnType.setData, new Reader().reset(body.subarray(0, length))), null);
  assert.equal(describeTxn(txnType.setData, new Reader().reset(Buffer.concat([body, Buffer.alloc(1)]))), null);
  assert.equal(describeTxn(250, new Reader().reset(body)), null);
});

test('a command of a program is its bytes', () => {
  const body = Buffer.from('set colour red');
  assert.deepEqual(describeTxn(txnType.command, new Reader().reset(body)), { type: 'command', data: body });
});
