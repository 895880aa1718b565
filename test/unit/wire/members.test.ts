/** Server lines, as Apache ZooKeeper 3.8.0 prints what it reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  membershipText,
  memberText,
  parseMember,
  parseMembers,
  splitMembership,
  versionText,
} from '../../../engine/wire/members.ts';

/** What a line says, and QuorumServer.toString of it. */
const lines = {
  'host:2888:3888': 'host:2888:3888:participant',
  'host:2888:3888:participant': 'host:2888:3888:participant',
  'host:2888:3888:observer': 'host:2888:3888:observer',
  '10.0.0.1:1:2;2181': '10.0.0.1:1:2:participant;0.0.0.0:2181',
  'h.example.org:2888:3888:participant;h.example.org:2181': 'h.example.org:2888:3888:participant;h.example.org:2181',
  'host:2888:3888;0.0.0.0:2181': 'host:2888:3888:participant;0.0.0.0:2181',
  '[2001:db8:0:0:0:0:0:1]:2888:3888:observer;[2001:db8:0:0:0:0:0:1]:2181':
    '[2001:db8:0:0:0:0:0:1]:2888:3888:observer;[2001:db8:0:0:0:0:0:1]:2181',
};

test('server lines', () => {
  for (const [line, printed] of Object.entries(lines)) {
    const member = parseMember(7, line);
    assert.notEqual(member, null, line);
    assert.equal(memberText(member!), `server.7=${printed}`);
    assert.deepEqual(parseMember(7, printed), { ...member!, clientHost: member!.clientHost ?? clientHostOf(printed) });
  }
});

function clientHostOf(printed: string): string | null {
  return printed.includes(';') ? '0.0.0.0' : null;
}

test('lines that name no server', () => {
  const wrong = [
    '',
    'host',
    'host:1',
    'host:1:2:leader',
    'host:a:2',
    'host:1:2;',
    'host:1:2;3;4',
    'host:0:2',
    'a b:1:2',
  ];
  for (const line of [...wrong, 'host:1:65536', 'host:1:2;99999', '::1:1:2'])
    assert.equal(parseMember(1, line), null, line);
  for (const text of ['nonsense', 'server.1', 'server.x=host:1:2', 'server.1=host:1:2=3', 'server.1=host:1:2,nonsense'])
    assert.equal(parseMembers(text), null, text);
});

test('a membership is written by ascending id and found again before its version', () => {
  const members = parseMembers('server.10=c:1:2,server.2=b:1:2:observer\nserver.1=a:1:2;2181')!;
  const servers = membershipText(members);
  assert.equal(
    servers,
    'server.1=a:1:2:participant;0.0.0.0:2181\nserver.2=b:1:2:observer\nserver.10=c:1:2:participant\n',
  );
  const text = `${servers}${versionText(2 ** 32 * 5 + 10)}`;
  assert.equal(text.split('\n').at(-1), 'version=50000000a');
  assert.deepEqual(splitMembership(text), { servers, version: 2 ** 32 * 5 + 10 });
  assert.deepEqual(splitMembership(''), { servers: '', version: 0 });
});
