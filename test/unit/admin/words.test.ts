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
import { zookeeperMetrics } from '../../support/zookeeper-metrics.ts';

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
/** All keys of ZooKeeper's `mntr`. */
const zookeeperKeys: ReadonlySet<string> = new Set([
  'version',
  'server_state',
  'peer_state',
  ...zookeeperMetrics.gauges,
  ...zookeeperMetrics.leaderGauges,
  ...zookeeperMetrics.counters,
  ...[...zookeeperMetrics.basic, ...zookeeperMetrics.advanced].flatMap((name) =>
    ['avg', 'min', 'max', 'cnt', 'sum'].map((what) => `${what}_${name}`),
  ),
  ...zookeeperMetrics.advanced.flatMap((name) => ['p50', 'p95', 'p99', 'p999'].map((what) => `${what}_${name}`)),
]);
/** What exporters and dashboards read; of a set, that of server 2. */
const keysRead =
  'approximate_data_size avg_latency ephemerals_count global_sessions local_sessions max_file_descriptor_count ' +
  'max_latency min_latency num_alive_connections open_file_descriptor_count outstanding_requests packets_received ' +
  'packets_sent server_state uptime version watch_count znode_count commit_count proposal_count ' +
  'connection_request_count avg_fsynctime max_fsynctime cnt_fsynctime sum_fsynctime p99_readlatency ' +
  'p999_updatelatency avg_snapshottime cnt_election_time stale_sessions_expired bytes_received_count ' +
  'sum_node_created_watch_count';
const keysOfLeader = `peer_state quorum_size ${zookeeperMetrics.leaderGauges.join(' ')}`;

/** Moments, which no test can foresee. */
function dates(text: string): string {
  return text.replace(/\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}/g, 'DATE');
}

function values(mntr: string): Map<string, string> {
  const lines = mntr.split('\n');
  assert.equal(lines.pop(), '');
  return new Map(
    lines.map((line) => {
      const [, key, value] = /^zk_([a-z0-9_]+)\t(.+)$/.exec(line)!;
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

function assertKeys(mntr: ReadonlyMap<string, string>, read: string): void {
  for (const key of read.split(' ')) assert.ok(mntr.has(key), key);
  for (const key of mntr.keys()) assert.ok(zookeeperKeys.has(key) || /_[123]_ack_latency$/.test(key), key);
}

test('mntr: keys and values', async () => {
  const client = await RawClient.connect(server.clientPort);
  await client.create('/mntr');
  await client.get('/mntr');
  await word('srst');
  for (let n = 0; n < 20; n++) await client.set('/mntr', 'x');
  await client.get('/mntr', true);
  await client.set('/mntr', 'y');
  const mntr = values(await word('mntr'));
  assertKeys(mntr, keysRead);
  assert.equal(mntr.get('server_state'), 'standalone');
  assert.equal(mntr.get('num_alive_connections'), '2');
  for (const [key, value] of mntr)
    if (/^avg_|probability/.test(key)) assert.match(value, /^\d+\.\d{1,4}$/, key);
    else if (!/version|state/.test(key)) assert.match(value, /^\d+$/, key);
  assert.equal(mntr.get('cnt_readlatency'), '1');
  assert.equal(mntr.get('cnt_updatelatency'), '21');
  assert.equal(mntr.get('commit_count'), '21', 'txns, not batches');
  assert.equal(mntr.get('cnt_fsynctime'), mntr.get('cnt_quorum_ack_latency'), 'one request at a time is one batch');
  assert.equal(mntr.get('sum_sync_processor_batch_size'), '21');
  assert.equal(mntr.get('sum_node_changed_watch_count'), '1');
  assert.equal(mntr.get('packets_received'), '23', 'requests and this word');
  await client.close();
});

test('dump, dirs, wchc, wchp: sessions, ephemeral nodes, connections, watches', async () => {
  const owner = await RawClient.connect(server.clientPort);
  const other = await RawClient.connect(server.clientPort);
  await owner.create('/dump-1', '', 1);
  await owner.create('/dump-2', '', 1);
  await owner.get('/dump-1', true);
  await other.get('/dump-1', true);
  const [first, second] = [owner, other].map(({ info }) => `0x${info.id.toString(16)}`);
  const dump = dates(await word('dump')).replace(/127.0.0.1:\d+/g, '127.0.0.1:#');
  assert.equal(
    // Sessions that were made in two ticks end in two.
    dump.replace(/\d expire at DATE:\n/g, '').replace(/Sets \([123]\)/g, 'Sets'),
    `SessionTracker dump:\nSession Sets/(2):\n\t${first}\n\t${second}\n` +
      `ephemeral nodes dump:\nSessions with Ephemerals (1):\n${first}:\n\t/dump-1\n\t/dump-2\n` +
      'Connections dump:\nConnections Sets/(3):\n\tip: /127.0.0.1:# sessionId: 0x0\n' +
      `\tip: /127.0.0.1:# sessionId: ${first}\n\tip: /127.0.0.1:# sessionId: ${second}\n`,
  );
  assert.match(dump, /^[12] expire at DATE:$/m);
  assert.equal(await word('wchp'), `/dump-1\n\t${first}\n\t${second}\n\n`);
  assert.equal(await word('wchc'), `${first}\n\t/dump-1\n${second}\n\t/dump-1\n\n`);
  assert.equal(await word('wchs'), '2 connections watching 1 paths\nTotal watches:2\n');
  assert.match(await word('dirs'), /^datadir_size: \d+\nlogdir_size: \d+\n$/);
  await owner.close();
  await other.close();
});

test('crst, gtmk, stmk, hash', async () => {
  const client = await RawClient.connect(server.clientPort);
  await client.create('/crst');
  assert.equal(await word('crst'), 'Connection stats reset.\n');
  assert.match(await word('cons'), /recved=0,sent=0,sid=0x\w+,lop=NA,.*to=10000,lzxid=0xf{16},lresp=0,llat=0,/);
  await client.ping();
  assert.match(await word('cons'), /recved=1,sent=1,sid=0x\w+,lop=PING,.*to=10000,lzxid=0x\w+,lresp=[1-9]/);
  await client.close();
  assert.equal(await word('gtmk'), '306');
  assert.equal(await word('stmk\0\0\0\0\0\0\x01\x02'), '258');
  assert.equal(await word('gtmk'), '258');
  assert.equal(await word('stmk'), '', 'without its argument it is not answered, as in ZooKeeper');
  assert.equal(await word('stmk\0\0'), '');
  assert.equal(await word('hash'), '', 'as ZooKeeper before its 128th txn');
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
  for (const name of ['ruok', 'stat', 'mntr', 'isro', 'conf', 'cons', 'envi', 'dump', 'wchp', 'stmk']) {
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
  assertKeys(ofLeader, `${keysRead} ${keysOfLeader}`);
  assert.equal(ofLeader.get('peer_state'), 'leading - broadcast');
  assert.deepEqual([ofLeader.get('quorum_size'), ofLeader.get('synced_followers')], ['3', '2']);
  const ofFollower = values(await word('mntr', followers[0]!.clientPort));
  assert.equal(ofFollower.get('peer_state'), 'following - broadcast');
  assert.equal(ofFollower.get('server_state'), 'follower');
  assertKeys(ofFollower, `${keysRead} peer_state quorum_size`);
  const [follower] = followers;
  const client = await RawClient.connect(follower!.clientPort);
  const { id } = client.info;
  assert.match(
    await word('dump', follower!.clientPort),
    new RegExp(`^SessionTracker dump:\nGlobal Sessions\\(1\\):\n0x${id.toString(16)}\t10000ms\nephemeral`),
  );
  assert.match(await word('mntr', leader.clientPort), /^zk_cnt_[123]_ack_latency\t[1-9]/m);
  assert.match(await word('mntr', follower!.clientPort), /^zk_learner_commit_received_count\t[1-9]/m);
  await client.close();

  await Promise.all(followers.map((server) => server.close()));
  const notServing = 'This ZooKeeper instance is not currently serving requests\n';
  while (leader.status().serving) await new Promise((resolve) => setImmediate(resolve));
  for (const name of ['srvr', 'stat', 'mntr', 'conf', 'cons', 'dump', 'dirs', 'wchs', 'wchc', 'wchp', 'crst', 'srst'])
    assert.equal(await word(name, leader.clientPort), notServing);
  assert.equal(await word('isro', leader.clientPort), 'null');
  assert.equal(await word('ruok', leader.clientPort), 'imok');
  assert.match(await word('envi', leader.clientPort), /^Environment:\n/);
});

test('what the system refuses to tell is left out, and ends nobody', async () => {
  const gone = mkdtempSync(join(tmpdir(), 'zabra-gone-'));
  const before = process.cwd();
  process.chdir(gone);
  try {
    rmSync(gone, { recursive: true });
    assert.match(await word('envi'), /^user\.dir=\?$/m);
  } finally {
    process.chdir(before);
  }
  assert.equal(await word('ruok'), 'imok');
});

test('dump tells of a session with very many ephemeral nodes', async () => {
  const client = await server.connect();
  await client.create('/many');
  const creating: Promise<string>[] = [];
  // More than a call takes as arguments.
  for (let n = 0; n < 130_000; n++) creating.push(client.create(`/many/${n}`, null, { ephemeral: true }));
  await Promise.all(creating);
  const lines = (await word('dump')).split('\n').filter((line) => line.includes('/many/'));
  assert.equal(lines.length, 130_000);
  await client.close();
});
