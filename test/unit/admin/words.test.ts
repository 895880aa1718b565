/**
 * Four-letter words, line for line in the shape that Apache ZooKeeper 3.8.0 gives them: its texts are
 * below, and numbers (`#`), the version and folders are what may differ.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ensemble, Server } from '../../../engine/index.ts';
import { fourLetterWord, RawClient } from '../../support/raw-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-words-'));
const settings = { clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent', preAllocSize: 64 } as const;
let server: Server;

before(async () => {
  server = await Server.start({ ...settings, dataDir: join(folder, 'one'), fourLetterWords: ['*'], tickTime: 2000 });
  await server.ready();
});

after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Numbers and what else differs between two servers, blanked out; connections in a fixed order. */
function shape(text: string): string {
  return text
    .replace(/(version[:=]\s*)\S+, built on .*/g, '$1V')
    .replace(/(dir|Dir)=.*/g, '$1=…')
    .replace(/0x[0-9a-f]+/g, '0x#')
    .replace(/(?<=[=/: \t])-?\d+(\.\d+)*/g, '#')
    .replace(/(?: \/#:#.*\n)+/g, (lines) => lines.split('\n').toSorted().join('\n').slice(1) + '\n');
}

const word = (name: string, port = server.clientPort): Promise<string> => fourLetterWord(port, name);

const zookeeper = {
  srvr:
    'Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n' +
    'Latency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\n' +
    'Mode: standalone\nNode count: 5\n',
  stat:
    'Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nClients:\n' +
    ' /127.0.0.1:55994[0](queued=0,recved=1,sent=0)\n /127.0.0.1:55962[1](queued=0,recved=1,sent=1)\n' +
    ' /127.0.0.1:55972[1](queued=0,recved=4,sent=4)\n\nLatency min/avg/max: 0/3.2585/411\nReceived: 1204\n' +
    'Sent: 1239\nConnections: 3\nOutstanding: 0\nZxid: 0x2bb\nMode: standalone\nNode count: 130\n',
  cons:
    ' /127.0.0.1:55962[1](queued=0,recved=1,sent=1,sid=0x1000022cede005c,lop=SESS,est=1795567075130,to=10000,' +
    'lcxid=0x0,lzxid=0x2b9,lresp=4044421,llat=37,minlat=0,avglat=37,maxlat=37)\n' +
    ' /127.0.0.1:55988[0](queued=0,recved=1,sent=0)\n' +
    ' /127.0.0.1:55972[1](queued=0,recved=4,sent=4,sid=0x1000022cede005d,lop=PING,est=1795567075208,to=10000,' +
    'lcxid=0x2,lzxid=0x2bb,lresp=4044478,llat=0,minlat=0,avglat=1,maxlat=4)\n\n',
  conf:
    'clientPort=31000\nsecureClientPort=-1\ndataDir=/data/version-2\ndataDirSize=457\n' +
    'dataLogDir=/data/version-2\ndataLogSize=457\ntickTime=2000\nmaxClientCnxns=0\nminSessionTimeout=4000\n' +
    'maxSessionTimeout=40000\nclientPortListenBacklog=-1\nserverId=0\n',
  confOfOneOfThree:
    'clientPort=31100\nsecureClientPort=-1\ndataDir=/data/version-2\ndataDirSize=597\n' +
    'dataLogDir=/data/version-2\ndataLogSize=597\ntickTime=500\nmaxClientCnxns=0\nminSessionTimeout=1000\n' +
    'maxSessionTimeout=10000\nclientPortListenBacklog=-1\nserverId=1\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\n' +
    'electionPort=33101\nquorumPort=32101\npeerType=0\nmembership: \n' +
    'server.1=127.0.0.1:32101:33101:participant\nserver.2=127.0.0.1:32102:33102:participant\n' +
    'server.3=127.0.0.1:32103:33103:participant\nversion=0',
  srvrOfLeader:
    'Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n' +
    'Latency min/avg/max: 0/0.0/0\nReceived: 2\nSent: 1\nConnections: 1\nOutstanding: 0\nZxid: 0x100000000\n' +
    'Mode: leader\nNode count: 5\nProposal sizes last/min/max: -1/-1/-1\n',
};
/** Gauges of mntr that have a meaning here, all of them ZooKeeper's. */
const gauges =
  'approximate_data_size avg_latency ephemerals_count global_sessions local_sessions max_latency min_latency ' +
  'num_alive_connections open_file_descriptor_count outstanding_requests packets_received packets_sent ' +
  'server_state uptime version watch_count znode_count';
const gaugesOfLeader =
  'last_proposal_size learners max_proposal_size min_proposal_size peer_state pending_syncs quorum_size ' +
  'synced_followers synced_non_voting_followers synced_observers';

function values(mntr: string): Map<string, string> {
  const lines = mntr.split('\n');
  assert.equal(lines.pop(), '');
  return new Map(
    lines.map((line) => {
      const [, key, value] = /^zk_([a-z_]+)\t(.+)$/.exec(line)!;
      return [key!, value!];
    }),
  );
}

test('srvr, isro, ruok and conf of a standalone server', async () => {
  assert.equal(shape(await word('srvr')), shape(zookeeper.srvr));
  assert.match(await word('srvr'), /^Mode: standalone\nNode count: 5\n$/m);
  assert.equal(await word('isro'), 'rw');
  assert.equal(await word('ruok'), 'imok');
  assert.equal(await word('ruok\n'), 'imok');
  assert.equal(shape(await word('conf')), shape(zookeeper.conf));
  assert.match(await word('conf'), /^tickTime=2000$.*^serverId=0$/ms);
});

test('cons and stat with two clients', async () => {
  const idle = await RawClient.connect(server.clientPort);
  const busy = await RawClient.connect(server.clientPort);
  await busy.create('/words');
  await busy.get('/words', true);
  await busy.ping();
  const cons = await word('cons');
  assert.equal(shape(cons), shape(zookeeper.cons));
  assert.match(cons, new RegExp(`recved=4,sent=4,sid=0x${busy.info.id.toString(16)},lop=PING,.*,to=10000,lcxid=0x2,`));
  assert.match(cons, new RegExp(`recved=1,sent=1,sid=0x${idle.info.id.toString(16)},lop=SESS,.*,lcxid=0x0,lzxid=0x`));
  assert.match(cons, /\[0\]\(queued=0,recved=1,sent=0\)\n/);
  assert.equal(shape(await word('stat')), shape(zookeeper.stat));
  assert.match(await word('wchs'), /^1 connections watching 1 paths\nTotal watches:1\n$/);
  await busy.set('/words', 'x');
  await busy.ping();
  assert.match(await word('cons'), /recved=6,sent=7,/, 'an event counts as sent');
  await busy.close();
  await idle.close();
});

test('mntr: keys and values', async () => {
  const mntr = values(await word('mntr'));
  assert.deepEqual([...mntr.keys()].toSorted().join(' '), gauges);
  assert.equal(mntr.get('server_state'), 'standalone');
  assert.equal(mntr.get('num_alive_connections'), '1');
  assert.match(mntr.get('avg_latency')!, /^\d+\.\d{1,4}$/);
  for (const [key, value] of mntr) if (!/version|state|avg/.test(key)) assert.match(value, /^\d+$/, key);
});

test('envi: what kazoo and others look for', async () => {
  const [first, ...lines] = (await word('envi')).split('\n');
  assert.equal(first, 'Environment:');
  assert.match(lines[0]!, /^zookeeper\.version=\d+\.\d+\.\d+-\S+, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
  assert.equal(lines.pop(), '');
  for (const line of lines) assert.match(line, /^[a-z.]+=/);
  for (const key of ['host.name', 'os.name', 'os.arch', 'os.version', 'user.name', 'user.home', 'user.dir'])
    assert.ok(
      lines.some((line) => line.startsWith(`${key}=`)),
      key,
    );
});

test('a word in pieces is a word; what is none gets no answer', async () => {
  const client = await RawClient.open(server.clientPort);
  for (const byte of Buffer.from('ru')) client.raw(Buffer.of(byte));
  client.raw(Buffer.from('ok'));
  await client.ended();
  assert.equal(await word('xxxx'), '');
  assert.equal(await word('RUOK'), '');
});

test('by default srvr alone is answered', async (t) => {
  const shy = await Server.start({ ...settings, dataDir: join(folder, 'shy') });
  t.after(() => shy.close());
  await shy.ready();
  assert.match(await word('srvr', shy.clientPort), /^Zookeeper version: /);
  for (const name of ['ruok', 'stat', 'mntr', 'isro', 'conf', 'cons', 'envi']) {
    const expected = `${name} is not executed because it is not in the whitelist.\n`;
    assert.equal(await word(name, shy.clientPort), expected);
  }
});

test('the words of an ensemble, and of a server that has lost it', async (t) => {
  const ensemble = await Ensemble.start({ settings: { logLevel: 'silent', fourLetterWords: ['*'], preAllocSize: 64 } });
  t.after(() => ensemble.close());
  const leader = ensemble.leader!;
  const followers = ensemble.servers.filter((server) => server !== leader);
  assert.equal(shape(await word('srvr', leader.clientPort)), shape(zookeeper.srvrOfLeader));
  assert.equal(
    shape(await word('srvr', followers[0]!.clientPort)),
    shape(zookeeper.srvr.replace('standalone', 'follower')),
  );
  assert.equal(shape(await word('conf', leader.clientPort)), shape(zookeeper.confOfOneOfThree));
  const ofLeader = values(await word('mntr', leader.clientPort));
  assert.equal(
    [...ofLeader.keys()].toSorted().join(' '),
    `${gauges} ${gaugesOfLeader}`.split(' ').toSorted().join(' '),
  );
  assert.equal(ofLeader.get('peer_state'), 'leading - broadcast');
  assert.deepEqual([ofLeader.get('quorum_size'), ofLeader.get('synced_followers')], ['3', '2']);
  const ofFollower = values(await word('mntr', followers[0]!.clientPort));
  assert.equal(ofFollower.get('peer_state'), 'following - broadcast');
  assert.equal(ofFollower.get('server_state'), 'follower');

  await Promise.all(followers.map((server) => server.close()));
  const notServing = 'This ZooKeeper instance is not currently serving requests\n';
  while (leader.status().serving) await new Promise((resolve) => setImmediate(resolve));
  for (const name of ['srvr', 'stat', 'mntr', 'conf', 'cons'])
    assert.equal(await word(name, leader.clientPort), notServing);
  assert.equal(await word('isro', leader.clientPort), 'null');
  assert.equal(await word('ruok', leader.clientPort), 'imok');
  assert.match(await word('envi', leader.clientPort), /^Environment:\n/);
});
