/** What the model does not tell: sequence numbers, traces of refused multis, sessions, wrap-arounds, ACLs in flight. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { txnType } from '../../../engine/txn/types.ts';
import { internalOp } from '../../../engine/txn/request.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { ask, Machine } from '../../support/machine.ts';
import { op, Record } from '../../support/raw-client.ts';

const pathOf = (body: Buffer): string => body.toString('utf8', 4, 4 + body.readInt32BE(0));
const nothingThere = ask.check('/nothing');

test('a refused multi leaves no trace in what is outstanding (ZOOKEEPER-1624)', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/p'), session);
  const sequential = ask.create('/p/s-', '', 2);
  assert.equal(pathOf(machine.request(sequential, session).body), '/p/s-0000000000');
  assert.equal(machine.request(ask.multi(sequential, sequential, ask.set('/p'), nothingThere), session).error, -101);
  assert.equal(pathOf(machine.request(sequential, session).body), '/p/s-0000000001');
  assert.equal(machine.request(ask.set('/p', 'x', 0), session).error, 0);
  assert.equal(machine.request(ask.multi(ask.delete('/p/s-0000000000'), nothingThere), session).error, -101);
  assert.equal(machine.request(ask.delete('/p'), session).error, -111);
  machine.commit();
  assert.equal(pathOf(machine.request(sequential, session).body), '/p/s-0000000002');
});

test('a part whose flags need a ttl that it has no room for refuses the whole multi, once it is its turn', () => {
  const machine = new Machine();
  const session = machine.session();
  const lacksTtl = ask.create('/ttl', '', 5);
  const refused = machine.request(ask.multi(nothingThere, lacksTtl), session);
  assert.deepEqual([refused.type, refused.error], [txnType.multiError, -101]);
  const malformed = machine.request(ask.multi(ask.create('/before'), lacksTtl), session);
  assert.deepEqual([malformed.type, malformed.error], [txnType.error, -5]);
  assert.equal(machine.request(ask.create('/before'), session).error, 0);
});

test('an ephemeral of a refused multi is not deleted with its session', () => {
  const machine = new Machine();
  const session = machine.session();
  const other = machine.session();
  machine.request(ask.multi(ask.create('/e', '', 1), nothingThere), session);
  machine.request(ask.create('/e'), other);
  machine.close(session);
  assert.equal(machine.request(ask.set('/e'), other).error, 0);
  machine.commit();
  assert.notEqual(machine.tree.find('/e'), -1);
});

test('a node that was ephemeral and is not any more outlives its first owner', () => {
  const machine = new Machine();
  const session = machine.session();
  const other = machine.session();
  machine.request(ask.create('/n', '', 1), session);
  machine.request(ask.delete('/n'), other);
  machine.request(ask.create('/n'), other);
  machine.commit();
  machine.close(session);
  assert.equal(machine.request(ask.set('/n'), other).error, 0);
  assert.equal(machine.request(ask.create('/n'), other).error, -110);
});

test('a closed session takes its ephemerals along, whether applied, in flight or deleted in flight', () => {
  const machine = new Machine();
  const session = machine.session();
  const other = machine.session();
  machine.request(ask.create('/p'), session);
  machine.request(ask.create('/p/applied', '', 1), session);
  machine.request(ask.create('/p/deleted', '', 1), session);
  machine.commit();
  machine.request(ask.delete('/p/deleted'), session);
  machine.request(ask.create('/p/in-flight', '', 1), session);
  machine.close(session);
  assert.equal(machine.request(ask.delete('/p'), other).error, 0);
  machine.commit();
  assert.equal(machine.tree.table.ephemeralCount, 0);
  assert.equal(machine.tree.find('/p'), -1);
});

test('requests of a session that is closed in flight are refused, and of one that moved as well', () => {
  const machine = new Machine();
  const session = machine.session(1);
  machine.commit();
  const { password } = machine.tree.session(session)!;
  const resume = (secret: Uint8Array) => [internalOp.resumeSession, new Record().raw(secret).int(5000).int(0)] as const;
  assert.equal(machine.request(resume(Buffer.alloc(16)), session, 2).error, -112);
  assert.equal(machine.request(ask.create('/a'), session, 1).error, 0);
  assert.equal(machine.request(resume(password), session, 2).type, txnType.resumeSession);
  assert.equal(machine.request(ask.set('/a'), session, 1).error, -118);
  assert.equal(machine.request(ask.set('/a'), session, 2).error, 0);
  assert.equal(machine.request([opcode.closeSession, new Record()], session, 1).error, -118);
  machine.commit();
  assert.equal(machine.tree.session(session)!.timeoutMs, 5000);
  assert.equal(machine.tree.session(session)!.owner, 2);
  assert.equal(machine.request([opcode.closeSession, new Record()], session, 0).error, 0);
  assert.equal(machine.request(ask.set('/a'), session, 2).error, -112);
  assert.equal(machine.request(resume(password), session, 2).error, -112);
  machine.commit();
  assert.equal(machine.request(ask.set('/a'), session, 2).error, -112);
});

test('versions never become -1, which asks for no check (ZOOKEEPER-4743)', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/v'), session);
  machine.commit();
  const slot = machine.tree.find('/v');
  machine.tree.store.version[slot] = machine.tree.store.aversion[slot] = 2 ** 31 - 1;
  machine.request(ask.set('/v'), session);
  machine.request(ask.setAcl('/v'), session);
  machine.commit();
  assert.equal(machine.tree.version(slot), -(2 ** 31));
  machine.tree.store.version[slot] = machine.tree.store.aversion[slot] = -2;
  machine.request(ask.set('/v'), session);
  machine.request(ask.setAcl('/v'), session);
  machine.commit();
  assert.equal(machine.tree.version(slot), 0);
  assert.equal(machine.tree.aclVersion(slot), 0);
});

test('sequence numbers wrap to negative ones as in Java', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/w'), session);
  machine.commit();
  machine.tree.store.creations[machine.tree.find('/w')] = 2 ** 31 - 1;
  assert.equal(pathOf(machine.request(ask.create('/w/', '', 2), session).body), '/w/2147483647');
  assert.equal(pathOf(machine.request(ask.create('/w/', '', 2), session).body), '/w/-2147483648');
  machine.commit();
  assert.equal(machine.tree.childCount(machine.tree.find('/w')), 2);
});

test('an ACL in flight already decides, and the super user passes', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/acl'), session);
  machine.request(ask.setAcl('/acl', [{ perms: 1, scheme: 'digest', id: 'bob:hash' }]), session);
  assert.equal(machine.request(ask.set('/acl'), session).error, -102);
  machine.ids = [{ scheme: 'digest', id: 'bob:hash' }];
  assert.equal(machine.request(ask.set('/acl'), session).error, -102);
  assert.equal(machine.request(ask.multi(ask.check('/acl')), session).error, 0);
  machine.ids = [{ scheme: 'super', id: '' }];
  assert.equal(machine.request(ask.set('/acl'), session).error, 0);
});

test('a small multi does not become a large txn by what auth stands for', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.ids = [{ scheme: 'digest', id: `${'u'.repeat(50_000)}:hash` }];
  const auth = [{ perms: 31, scheme: 'auth', id: '' }];
  const parts = Array.from({ length: 100 }, (_, n) => ask.create(`/m${n}`, '', 0, auth));
  const grown = machine.request(ask.multi(...parts), session);
  assert.deepEqual([grown.type, grown.error], [txnType.multiError, -8]);
  assert.equal(machine.request(ask.check('/m0'), session).error, -101, 'no trace of it');
  const filled = Array.from({ length: 100 }, (_, n) => ask.create(`/m${n}`, 'd'.repeat(5000), 0, auth));
  assert.equal(machine.request(ask.multi(...filled), session).error, 0, 'in proportion');
});

test('a command for a state machine is refused where there is none', () => {
  const machine = new Machine();
  assert.equal(machine.request([internalOp.command, new Record().buffer('x')], 0).error, -6);
});

test('a node that was found due is spared when something about it is in flight', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.ttl('/t', 1), session);
  machine.request(ask.container('/c'), session);
  machine.request(ask.create('/c/kid'), session);
  machine.request(ask.delete('/c/kid'), session);
  assert.equal(machine.reap('/c').error, -103);
  machine.commit();
  machine.request(ask.set('/t', 'alive'), session);
  machine.request(ask.create('/c/kid'), session);
  assert.equal(machine.reap('/t').error, -103);
  assert.equal(machine.reap('/c').error, -111);
  machine.request(ask.delete('/c/kid'), session);
  machine.request(ask.delete('/c'), session);
  machine.request(ask.create('/c'), session);
  assert.equal(machine.reap('/c').error, -103);
  machine.commit();
  assert.equal(machine.reap('/c').error, -103);
  assert.equal(machine.reap('/t').error, 0);
});

test("a ttl that is some session's number makes no node of that session", () => {
  const machine = new Machine();
  const session = machine.session();
  const other = machine.session();
  machine.request(ask.create('/n', '', 1), session);
  machine.commit();
  machine.request(ask.delete('/n'), other);
  machine.request(ask.ttl('/n', session), other);
  machine.close(session);
  machine.commit();
  assert.notEqual(machine.tree.find('/n'), -1);
});

test('only the leader itself reaps', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.container('/c'), session);
  machine.request(ask.create('/c/kid'), session);
  machine.request(ask.delete('/c/kid'), session);
  machine.commit();
  assert.equal(machine.request([op.deleteContainer, new Record().buffer('/c')], session).error, -8);
  assert.equal(machine.reap('/c').error, 0);
});

test('an ACL without an id means the same in a multi as alone, which is how kazoo writes `auth`', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.ids = [{ scheme: 'digest', id: 'user:hash' }];
  const create = (path: string): readonly [number, Record] => [
    op.create,
    new Record().buffer(path).buffer('').int(1).int(31).buffer('auth').buffer(null).int(0),
  ];
  assert.equal(machine.request(create('/alone'), session).error, 0);
  assert.equal(machine.request(ask.multi(create('/together')), session).error, 0);
  machine.commit();
  const acl = (path: string): number => machine.tree.aclId(machine.tree.find(path));
  assert.equal(acl('/together'), acl('/alone'));
});
