/** Our shell and ZooKeeper's own, given the same lines on the same server: the same words come back. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ApacheServer, apacheMissing } from '../support/apache.ts';
import { commandFile } from '../support/server-process.ts';

const zkCli = '/usr/share/zookeeper/bin/zkCli.sh';
const missing = apacheMissing !== false ? apacheMissing : existsSync(zkCli) ? false : `${zkCli} is not installed`;

const lines = [
  'create /sh data',
  'create -e /sh/e x',
  'create -s /sh/s- y',
  'create -es /sh/es-',
  'create -c /sh/c',
  'create -t 100000 /sh/t ttl',
  'create /sh data',
  'create /nope/x',
  'create /sh/e/x',
  'create bad',
  'create /sh/acl d world:anyone:r',
  'ls -s /sh',
  'ls -R /sh',
  'ls /nope',
  'get /sh',
  'get -s /sh/acl',
  'get /sh/es-0000000002',
  'get /nope',
  'set /sh new',
  'set -s /sh new2',
  'set -v 99 /sh x',
  'set /nope x',
  'set /sh/acl forbidden',
  'stat /sh',
  'stat /nope',
  'getAcl /sh',
  'getAcl -s /sh',
  'setAcl -s /sh world:anyone:cdrwa',
  'addauth digest a:b',
  'sync /sh',
  'getEphemerals',
  'getEphemerals /sh',
  'getAllChildrenNumber /sh',
  'removewatches /sh',
  'whoami',
  'setquota -n 5 /sh',
  'listquota /sh',
  'get /zookeeper/quota/sh/zookeeper_limits',
  'setquota -n 5 /sh/c',
  'setquota -b 5 /nope',
  'delquota /sh',
  'listquota /sh',
  'delquota /sh',
  'ls -R /zookeeper',
  'delete /sh',
  'delete -v 9 /sh/acl',
  'delete /sh/acl',
  'delete /nope',
  'deleteall /nope',
  'ls',
  'get -s',
  'config',
  'deleteall /sh',
  'ls /',
  'close',
  'ls /',
];

/** What a shell says in answer to the lines, both streams as one; without what differs from run to run. */
function conversation(command: string): Promise<string[]> {
  const child = spawn('/bin/sh', ['-c', `${command} 2>&1`], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stdin.end(`${lines.join('\n')}\nquit\n`);
  return new Promise((resolve) =>
    child.once('close', () =>
      resolve(
        out
          .split('\n')
          .filter(
            (line) =>
              line !== '' && !/ - (INFO|WARN) +\[|^(SLF4J|log4j|Connecting|Welcome|JLine)|WATCHE|type:None/.test(line),
          )
          .map((line) => line.replace(/= 0x[0-9a-f]+$|= \w{3} \w{3} \d\d .*$/, '= …').trimEnd()),
      ),
    ),
  );
}

describe('zkCli.sh', { skip: missing }, () => {
  const server = new ApacheServer();
  before(() => server.start());
  after(() => server.close());

  test('says what our shell says', async () => {
    const theirs = await conversation(`${zkCli} -server ${server.connectString}`);
    const ours = await conversation(`${process.execPath} ${commandFile} shell -server ${server.connectString}`);
    assert.ok(theirs.length > 100, theirs.join('\n'));
    assert.deepEqual(ours, theirs);
  });
});
