/** zoo.cfg as ZooKeeper's administrators write it: every key, every form of a server line, every mistake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyMyid, locate, parseZooCfg } from '../../../engine/cli/zoo-cfg.ts';
import { completeOptions, OptionError } from '../../../engine/server/options.ts';

const parse = (text: string): ReturnType<typeof parseZooCfg> => parseZooCfg(text, 'zoo.cfg');
const withData = (...lines: string[]): ReturnType<typeof parseZooCfg> => parse(['dataDir=/d', ...lines].join('\n'));

test("Debian's zoo.cfg, comments and all", () => {
  const { options, unknown } = parse(`# The number of milliseconds of each tick
tickTime=2000
# The number of ticks that the initial${' '}
# synchronization phase can take
initLimit=10
syncLimit=5
# do not use /tmp for storage, /tmp here is just${' '}
dataDir=/tmp/zookeeper
# the port at which the clients will connect
clientPort=2181
#maxClientCnxns=60
#autopurge.purgeInterval=1

## Metrics Providers
#metricsProvider.exportJvmInfo=true
`);
  assert.deepEqual(options, {
    tickTime: 2000,
    initLimit: 10,
    syncLimit: 5,
    dataDir: '/tmp/zookeeper',
    clientPort: 2181,
    adminPort: 8080,
    servers: [],
  });
  assert.deepEqual(unknown, []);
  assert.equal(completeOptions(options).servers.length, 0, 'standalone');
});

test('every key sets its option', () => {
  const { options, unknown } = parse(`
tickTime=1000
initLimit=7
syncLimit=3
dataDir=/data dir
dataLogDir=/log
clientPort=2182
clientPortAddress=127.0.0.1
maxClientCnxns=0
minSessionTimeout=500
maxSessionTimeout=90000
snapCount=5000
preAllocSize=1024
autopurge.snapRetainCount=4
autopurge.purgeInterval=24
globalOutstandingLimit=500
jute.maxbuffer=0x3fffff
extendedTypesEnabled=true
enforceQuota=true
reconfigEnabled=true
znode.container.checkIntervalMs=5000
znode.container.maxPerMinute=100
znode.container.maxNeverUsedIntervalMs=300000
4lw.commands.whitelist=stat, ruok ,*
standaloneEnabled=false
zabra.batchBytesMax=1000
zabra.batchTxnsMax=10
zabra.batchesInFlightMax=4
zabra.bytesInFlightMax=70000
zabra.segmentBytes=1048576
zabra.heartbeatMs=50
zabra.peerTimeoutMs=900
zabra.electionWaitMs=0
zabra.leaderlessGraceMs=10
zabra.historyBytesMax=0
fsync.warningthresholdms=20
admin.serverAddress=127.0.0.1
admin.serverPort=8081
admin.commandURL=/admin
admin.idleTimeout=5000
metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider
metricsProvider.httpHost=127.0.0.2
metricsProvider.httpPort=7001
metricsProvider.exportJvmInfo=false
DigestAuthenticationProvider.superDigest=super:xyz=
`);
  assert.deepEqual(options, {
    tickTime: 1000,
    initLimit: 7,
    syncLimit: 3,
    dataDir: '/data dir',
    dataLogDir: '/log',
    clientPort: 2182,
    clientPortAddress: '127.0.0.1',
    maxClientCnxns: 0,
    minSessionTimeout: 500,
    maxSessionTimeout: 90_000,
    snapCount: 5000,
    preAllocSize: 1024,
    snapRetainCount: 4,
    globalOutstandingLimit: 500,
    juteMaxBuffer: 0x3fffff,
    extendedTypesEnabled: true,
    enforceQuota: true,
    reconfigEnabled: true,
    containerCheckIntervalMs: 5000,
    containerMaxPerMinute: 100,
    containerMaxNeverUsedMs: 300_000,
    fourLetterWords: ['stat', 'ruok', '*'],
    batchBytesMax: 1000,
    batchTxnsMax: 10,
    batchesInFlightMax: 4,
    bytesInFlightMax: 70_000,
    segmentBytes: 1_048_576,
    heartbeatMs: 50,
    peerTimeoutMs: 900,
    electionWaitMs: 0,
    leaderlessGraceMs: 10,
    historyBytesMax: 0,
    fsyncWarnMs: 20,
    superDigest: 'super:xyz=',
    adminAddress: '127.0.0.1',
    adminPort: 8081,
    adminCommandUrl: '/admin',
    adminIdleMs: 5000,
    metricsAddress: '127.0.0.2',
    metricsPort: 7001,
    metricsOfProcess: false,
    servers: [],
  });
  assert.deepEqual(unknown, []);
  completeOptions(options);
});

test("Java's properties: separators, blanks, continuation, escapes, prefix zookeeper., the last one counts", () => {
  const lines = ['dataDir : /a\\', '   b\r', '! no', '  tickTime 100', 'tickTime\\=x=1', 'syncLimit=1', 'syncLimit=2'];
  const { options } = parse([...lines, 'zookeeper.snapCount=9', 'clientPortAddress=\\u0041'].join('\n'));
  assert.equal(options.dataDir, '/ab');
  assert.equal(options.tickTime, 100);
  assert.equal(options.syncLimit, 2);
  assert.equal(options.snapCount, 9);
  assert.equal(options.clientPortAddress, 'A');
});

test('forms of a server line', () => {
  const { options } = withData(
    'server.1=zk1:2888:3888',
    'server.2=zk2:2888:3888:participant',
    'server.3=10.0.0.3:2888:3888:observer;2181',
    'server.4=[fe80::1]:2888:3888;[::1]:2184',
    'server.255=zk5:1:2;0.0.0.0:2185',
  );
  const brief = options.servers!.map((s) => [s.id, s.host, s.quorumPort, s.role, s.clientHost, s.clientPort]);
  assert.deepEqual(brief, [
    [1, 'zk1', 2888, 'participant', null, null],
    [2, 'zk2', 2888, 'participant', null, null],
    [3, '10.0.0.3', 2888, 'observer', null, 2181],
    [4, 'fe80::1', 2888, 'participant', '::1', 2184],
    [255, 'zk5', 1, 'participant', '0.0.0.0', 2185],
  ]);
});

test('myid chooses the server line, and its client port', () => {
  const config = withData('server.1=a:1:2;127.0.0.1:2181', 'server.2=b:1:2');
  const apply = (myid: string): ReturnType<typeof applyMyid> => applyMyid(config, myid, 'zoo.cfg', '/d/myid');
  assert.deepEqual([apply('1\n').id, apply('1\n').clientPort, apply('1').clientPortAddress], [1, 2181, '127.0.0.1']);
  assert.deepEqual([apply(' 2 ').id, apply('2').clientPort], [2, undefined]);
  assert.throws(() => apply('3'), { message: '/d/myid says 3, but zoo.cfg has no server.3: correct one of them.' });
  assert.throws(() => apply('one'), { message: '/d/myid must hold this server\'s number, not "one".' });
  const both = withData('clientPort=2181', 'server.1=a:1:2;2182');
  assert.throws(() => applyMyid(both, '1', 'zoo.cfg', '/d/myid'), /zoo\.cfg:2: clientPort must be 2182 as server\.1/);
});

test('unknown keys are collected, each once, and cost nothing', () => {
  const { unknown } = withData('admin.forceHttps=false', 'what=ever', 'what=else');
  assert.deepEqual(unknown, ['admin.forceHttps', 'what']);
});

test('a protection that is not there is not passed over', () => {
  for (const key of ['sessionRequireClientSASLAuth', 'enforce.auth.enabled', 'sslQuorum', 'quorum.auth.enableSasl']) {
    assert.throws(
      () => withData(`${key}=TRUE`),
      new RegExp(`zoo\\.cfg:2: ${key} must be left out: this server cannot`),
    );
    assert.deepEqual(withData(`${key}=false`).unknown, [key]);
  }
  assert.throws(() => withData('DigestAuthenticationProvider.digestAlg=SHA3-256'), /digestAlg must be left out/);
  assert.deepEqual(withData('DigestAuthenticationProvider.digestAlg=SHA1').unknown.length, 1);
});

test('switches are what they are in capitals, too', () => {
  const { options } = withData('standaloneEnabled=False', 'admin.enableServer=FALSE', 'peerType=OBSERVER');
  assert.equal(options.adminPort, -1);
  assert.deepEqual(withData('autopurge.purgeInterval=-1').unknown, []);
});

test('-1 as a bound of session time-outs is the default', () => {
  const options = completeOptions(withData('tickTime=1000', 'minSessionTimeout=-1', 'maxSessionTimeout=-1').options);
  assert.deepEqual([options.minSessionTimeout, options.maxSessionTimeout], [2000, 20_000]);
});

const malformed: readonly (readonly [string, string])[] = [
  ['tickTime=soon', 'tickTime must be a whole number, not "soon".'],
  ['tickTime=', 'tickTime must be a whole number, not "".'],
  ['clientPort=21.81', 'clientPort must be a whole number, not "21.81".'],
  ['zabra.batchBytesMax=1MB', 'zabra.batchBytesMax must be a whole number, not "1MB".'],
  ['dataLogDir=', 'dataLogDir must be given a value, not "".'],
  ['standaloneEnabled=yes', 'standaloneEnabled must be true or false, not "yes".'],
  ['extendedTypesEnabled=1', 'extendedTypesEnabled must be true or false, not "1".'],
  ['autopurge.purgeInterval=daily', 'autopurge.purgeInterval must be a whole number of hours, not "daily".'],
  ['server.0=a:1:2', 'server.0 must be numbered from 1 to 255.'],
  ['server.256=a:1:2', 'server.256 must be numbered from 1 to 255.'],
  ['server.x=a:1:2', 'server.x must be numbered from 1 to 255.'],
  ...['a', 'a:1', 'a:b:2', 'a:1:2:voter', 'a:1:2;x', 'a:1:2;1;2', 'a:99999:2', ':1:2'].map(
    (value) =>
      [
        `server.1=${value}`,
        `server.1 must be host:quorumPort:electionPort[:participant|observer][;[address:]clientPort], not "${value}".`,
      ] as const,
  ),
];

for (const [line, message] of malformed)
  test(`refused: ${line}`, () => {
    assert.throws(() => withData('# comment', line), { name: 'ConfigError', message: `zoo.cfg:3: ${message}` });
  });

test('refused: no dataDir, a server twice, a file of servers that is not read', () => {
  assert.throws(() => parse('tickTime=1'), /^ConfigError: zoo\.cfg: dataDir is missing/);
  assert.throws(() => withData('server.1=a:1:2', 'server.1=b:1:2'), /zoo\.cfg:3: server\.1 must be given once/);
  assert.throws(() => withData('dynamicConfigFile=/x'), /zoo\.cfg:2: dynamicConfigFile must be replaced/);
});

test('values out of range name file, line and the key as it was written', () => {
  const located = (...lines: string[]): string => {
    const config = withData(...lines);
    try {
      completeOptions(config.options);
    } catch (error) {
      assert.ok(error instanceof OptionError);
      return locate(error, config, 'zoo.cfg').message;
    }
    return assert.fail('nothing was thrown');
  };
  assert.equal(
    located('jute.maxbuffer=12'),
    'zoo.cfg:2: jute.maxbuffer must be a whole number from 1024 to 67108864, not 12.',
  );
  assert.equal(
    located('', 'clientPort=70000'),
    'zoo.cfg:3: clientPort must be a whole number from -1 to 65535, not 70000.',
  );
  assert.match(located('tickTime=0'), /^zoo\.cfg:2: tickTime must be a whole number from 1/);
  assert.match(located('minSessionTimeout=9', 'maxSessionTimeout=8'), /^zoo\.cfg:2: minSessionTimeout must be at most/);
});

test('the AdminServer is there unless it is switched off, Prometheus where it is asked for', () => {
  const ports = (...lines: string[]): readonly unknown[] => {
    const { adminPort, metricsPort } = withData(...lines).options;
    return [adminPort, metricsPort];
  };
  const prometheus = 'metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider';
  assert.deepEqual(ports(), [8080, undefined]);
  assert.deepEqual(ports('admin.serverPort=9000', 'metricsProvider.httpPort=7100'), [9000, 7100]);
  assert.deepEqual(ports('admin.serverPort=9000', 'admin.enableServer=false', prometheus), [-1, 7000]);
  const none = 'metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider';
  assert.deepEqual(ports('metricsProvider.httpPort=7100', none), [8080, -1]);
  assert.throws(() => withData('admin.enableServer=maybe'), /zoo\.cfg:2: admin\.enableServer must be true or false/);
  assert.throws(() => withData('metricsProvider.className=what'), /must be the name of a metrics provider/);
  assert.throws(() => completeOptions(withData('admin.commandURL=commands').options), /adminCommandUrl must be a path/);
});
