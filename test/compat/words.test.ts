/**
 * What operators see of a real ZooKeeper and of us after the same requests: each word line by line,
 * each command of the AdminServer field by field, with the values that may differ blanked out.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server } from '../../engine/index.ts';
import { ApacheServer, apacheMissing } from '../support/apache.ts';
import { freePorts } from '../support/ports.ts';
import { fourLetterWord, RawClient } from '../support/raw-client.ts';

const host = '127.0.0.1';

/** Keys of ZooKeeper's `mntr` that are not ours, and why. */
const absent: readonly (readonly [RegExp, string])[] = [
  [/^(avg|min|max|cnt|sum)_.*_per_namespace$/, 'every request would pay for the look-up of its path'],
  [
    /commit_proc_|commitproc|commit_processor|committed_time|session_queue|requests_not_forwarded|skip_learner/,
    'the insides of its CommitProcessor',
  ],
  [/proposal_process_time|prep_processor_queue_size|close_session_prep|outstanding_changes/, 'its request processors'],
  [/sync_process_time|sync_processor_queue_size|read_final_proc|learner_request_processor/, 'its request processors'],
  [/response_packet_|netty_|dead_watcher|socket_closing_time/, 'its caches and ways to write'],
  [/_om_|inflight_(snap|diff)|quit_leading|^revalidate_count$/, 'its ways between leader and learners'],
  [/ensemble_auth|tls_handshake_exceeded|unsuccessful_handshake|insecure_admin/, 'there is no TLS yet'],
  [/jvm_pause_time/, 'there is no JVM'],
  [/digest_mismatches|stale_(requests|replies)|unrecoverable_error|connection_drop_count/, 'cannot happen, or ends us'],
  [/connection_token_deficit|request_throttle_queue_time|startup_txns/, 'not measured'],
];

describe('words and commands', { skip: apacheMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'zabra-compat-words-'));
  let apache: ApacheServer;
  let apacheAdmin: number;
  let ours: Server;
  const clients: RawClient[] = [];

  before(async () => {
    [apacheAdmin] = (await freePorts(1)) as [number];
    apache = new ApacheServer(['admin.enableServer=true', `admin.serverPort=${apacheAdmin}`]);
    await apache.start();
    const settings = { clientPort: 0, clientPortAddress: host, adminPort: 0, adminAddress: host } as const;
    const dataDir = join(folder, 'data');
    const more = { tickTime: 500, fourLetterWords: ['*'], maxClientCnxns: 0, logLevel: 'silent' } as const;
    ours = await Server.start({ ...settings, ...more, dataDir });
    await ours.ready();
    for (const port of [apache.port, ours.clientPort]) clients.push(...(await use(port)));
  });
  after(async () => {
    for (const client of clients) await client.close();
    await ours?.close();
    await apache?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const both = async (word: string): Promise<[string, string]> =>
    Promise.all([fourLetterWord(apache.port, word), fourLetterWord(ours.clientPort, word)]);

  for (const word of ['conf', 'cons', 'dirs', 'dump', 'gtmk', 'hash', 'isro', 'ruok', 'srvr', 'stat'])
    test(word, async () => {
      const [theirs, mine] = await both(word);
      assert.equal(shape(mine), shape(theirs));
    });

  for (const word of ['wchc', 'wchp'])
    test(word, async () => {
      // ZooKeeper has no order of the groups.
      const [theirs, mine] = (await both(word)).map((text) =>
        shape(text)
          .split(/\n(?!\t)/)
          .toSorted(),
      );
      assert.deepEqual(mine, theirs);
    });

  test('words that change something: wchs and cons before and after crst, srst, stmk', async () => {
    for (const word of ['wchs', 'crst', 'cons', 'srst', 'stmk\0\0\0\0\0\0\x01\x02', 'gtmk', 'stmk', 'nope', 'RUOK']) {
      const [theirs, mine] = await both(word);
      assert.equal(shape(mine), shape(theirs), word);
    }
  });

  test('envi: every line but those of Java', async () => {
    const [theirs, mine] = (await both('envi')).map((text) => text.split('\n').map((line) => line.split('=')[0]!));
    for (const key of theirs!) if (!key.startsWith('java.')) assert.ok(mine!.includes(key), key);
  });

  test('mntr: keys, but for those that are explained, and forms of values', async () => {
    const [theirs, mine] = (await both('mntr')).map(
      (text) => new Map([...text.matchAll(/^(\S+)\t(.*)$/gm)].map(([, key, value]) => [key!, value!])),
    );
    for (const [key, value] of theirs!) {
      const found = mine!.get(key);
      const isAbsent = absent.some(([names]) => names.test(key.slice('zk_'.length)));
      assert.equal(found === undefined, isAbsent, key);
      if (found !== undefined && key !== 'zk_version') assert.equal(form(found), form(value), key);
    }
    for (const key of mine!.keys()) assert.ok(theirs!.has(key), key);
  });

  test('the AdminServer: the same commands, with the same fields', async () => {
    const get = async (port: number, path: string): Promise<string> =>
      (await fetch(`http://${host}:${port}/commands${path}`)).text();
    const ports = [apacheAdmin, ours.adminPort];
    const [theirs, mine] = await Promise.all(ports.map((port) => get(port, '/')));
    assert.equal(mine, theirs);
    for (const [, name] of theirs!.matchAll(/">(\w+)</g)) {
      const answers = await Promise.all(ports.map(async (port) => JSON.parse(await get(port, `/${name}`)) as unknown));
      const [wanted, found] = answers.map((answer) => [...fields(answer)].toSorted());
      if (name === 'monitor' || name === 'environment' || name === 'system_properties') continue;
      // The text of zoo.cfg is not kept here.
      if (name !== 'initial_configuration') assert.deepEqual(found, wanted, name);
    }
    for (const path of ['/nope', '/set_trace_mask?traceMask=z', '/set_trace_mask?traceMask=5', '/get_trace_mask'])
      assert.deepEqual(JSON.parse(await get(ports[1]!, path)), JSON.parse(await get(ports[0]!, path)), path);
  });
});

/** The same of each server: sessions, ephemeral nodes, watches that stay and watches that fire. */
async function use(port: number): Promise<RawClient[]> {
  const [one, two] = [await RawClient.connect(port), await RawClient.connect(port)];
  await one.create('/app');
  await one.create('/app/e-', '', 3);
  await one.create('/app/e-', '', 3);
  for (let n = 0; n < 10; n++) await one.set('/app', String(n));
  await one.get('/app', true);
  await one.set('/app', 'fires');
  await one.get('/app', true);
  await two.get('/app', true);
  await two.get('/app/e-0000000000', true);
  await two.ping();
  await one.ping();
  return [one, two];
}

/** What may differ blanked out; sets of deadlines merged; lines of connections and sessions in one order. */
function shape(text: string): string {
  const lines = text
    .replace(/(version[:=]\s*)\S+, built on .*/g, '$1V')
    .replace(/(dir|Dir)=.*/g, '$1=…')
    .replace(/^\d+ expire at .*\n/gm, '')
    .replace(/Sets \(\d+\)/g, 'Sets')
    .replace(/0x[0-9a-f]+/g, '0x#')
    .replace(/(?<=[=/: \t])-?\d+(\.\d+)*/g, '#')
    .split('\n');
  const blocks: string[][] = [];
  for (const line of lines) {
    const last = blocks.at(-1);
    if (last !== undefined && /^[\t ]/.test(line) && /^[\t ]/.test(last[0]!)) last.push(line);
    else blocks.push([line]);
  }
  return blocks.map((block) => block.toSorted().join('\n')).join('\n');
}

function form(value: string): 'whole' | 'fraction' | 'text' {
  if (/^-?\d+$/.test(value)) return 'whole';
  return /^-?\d+\.\d+$/.test(value) ? 'fraction' : 'text';
}

/** Paths of all fields with the types of their values; numbers as keys are alike, and so are the items of a list. */
function fields(value: unknown, path = ''): Set<string> {
  const found = new Set<string>();
  if (typeof value !== 'object' || value === null)
    return found.add(`${path}: ${value === null ? 'null' : typeof value}`);
  for (const [key, inner] of Object.entries(value))
    for (const one of fields(inner, `${path}.${/^\d+$/.test(key) ? '#' : key}`)) found.add(one);
  return found;
}
