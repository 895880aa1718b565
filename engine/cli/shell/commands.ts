/** The commands on nodes, ACLs and watches. Each tells what it did in text, as zkCli does, and as JSON. */
import { Buffer } from 'node:buffer';
import {
  deleteAll,
  subtree,
  type Acl,
  type Client,
  type CreateOptions,
  type ReadOptions,
  type Stat,
  type Watcher,
  type WatcherType,
} from '../../client/index.ts';
import { forEachOf } from '../../client/trees.ts';
import { dataJson } from '../print.ts';
import { aclLines, listText, parseAcl, statJson, statLines } from './texts.ts';
import { UsageError, wholeNumber, type Given, type Syntax } from './words.ts';

export interface Answer {
  /** Lines for people; none: the command has nothing to say. */
  readonly lines: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Command extends Syntax {
  /** After the name. */
  readonly usage: string;
  run(client: Client, given: Given, watch: Watcher): Promise<Answer>;
}

/** What went wrong, in the command's own words. */
export class Refusal extends Error {}

const watched = ({ flags }: Given, watch: Watcher): ReadOptions => (flags.has('w') ? { watch } : {});
const withStat = (lines: readonly string[], { flags }: Given, stat: Stat): string[] =>
  flags.has('s') ? [...lines, ...statLines(stat)] : [...lines];
const versionOf = ({ values }: Given): number => wholeNumber(values.get('v') ?? '-1');

function aclOf(text: string): Acl[] {
  const acl = parseAcl(text);
  if (acl === null) throw new Refusal(`${text} does not have the form scheme:id:perm`);
  return acl;
}

/** Every parent before its children, siblings by name, each subtree together. */
function inOrder(paths: readonly string[]): string[] {
  return paths
    .map((path) => path.replaceAll('/', '\0'))
    .sort()
    .map((path) => path.replaceAll('\0', '/'));
}

const ls: Command = {
  usage: '[-s] [-w] [-R] path',
  flags: 'swR',
  args: [1, 1],
  async run(client, given, watch) {
    const path = given.args[0]!;
    if (given.flags.has('R')) {
      const paths = inOrder(await subtree(client, path));
      return { lines: paths, json: { path, paths } };
    }
    const { children, stat } = await client.getChildren2(path, watched(given, watch));
    children.sort();
    return { lines: withStat([listText(children)], given, stat), json: { path, children, stat: statJson(stat) } };
  },
};

const get: Command = {
  usage: '[-s] [-w] path',
  flags: 'sw',
  args: [1, 1],
  async run(client, given, watch) {
    const path = given.args[0]!;
    const { data, stat } = await client.getData(path, watched(given, watch));
    const text = data === null ? 'null' : data.toString('utf8');
    return { lines: withStat([text], given, stat), json: { path, ...dataJson(data), stat: statJson(stat) } };
  },
};

const create: Command = {
  usage: '[-s] [-e] [-c] [-t ttl] path [data] [acl]',
  flags: 'sec',
  values: 't',
  args: [1, 3],
  async run(client, { flags, values, args }) {
    const [path, data, acl] = args;
    const ttl = values.get('t');
    const options: CreateOptions = {
      sequential: flags.has('s'),
      ephemeral: flags.has('e'),
      container: flags.has('c'),
      ...(ttl === undefined ? {} : { ttlMs: wholeNumber(ttl) }),
      ...(acl === undefined ? {} : { acl: aclOf(acl) }),
    };
    if (options.container === true && (flags.has('s') || flags.has('e') || ttl !== undefined))
      throw new UsageError('-c cannot be combined with -s, -e or -t: containers cannot be ephemeral or sequential.');
    if (ttl !== undefined && flags.has('e'))
      throw new UsageError('TTLs cannot be used with Ephemeral or Container znodes');
    const made = await client.create(path!, data ?? null, options);
    return { lines: [`Created ${made}`], json: { path: made } };
  },
};

const set: Command = {
  usage: '[-s] [-v version] path data',
  flags: 's',
  values: 'v',
  args: [2, 2],
  async run(client, given) {
    const [path, data] = given.args;
    const stat = await client.setData(path!, data!, versionOf(given));
    return { lines: withStat([], given, stat), json: { path, stat: statJson(stat) } };
  },
};

const remove: Command = {
  usage: '[-v version] path',
  values: 'v',
  args: [1, 1],
  async run(client, given) {
    const path = given.args[0]!;
    await client.delete(path, versionOf(given));
    return { lines: [], json: { path } };
  },
};

const removeAll: Command = {
  usage: 'path',
  args: [1, 1],
  async run(client, { args: [path] }) {
    await deleteAll(client, path!);
    return { lines: [], json: { path } };
  },
};

const stat: Command = {
  usage: '[-w] path',
  flags: 'w',
  args: [1, 1],
  async run(client, given, watch) {
    const path = given.args[0]!;
    const found = await client.exists(path, watched(given, watch));
    if (found === null) throw new Refusal(`Node does not exist: ${path}`);
    return { lines: statLines(found), json: { path, stat: statJson(found) } };
  },
};

const getAcl: Command = {
  usage: '[-s] path',
  flags: 's',
  args: [1, 1],
  async run(client, given) {
    const path = given.args[0]!;
    const { acl, stat: found } = await client.getAcl(path);
    return { lines: withStat(aclLines(acl), given, found), json: { path, acl, stat: statJson(found) } };
  },
};

const setAcl: Command = {
  usage: '[-s] [-v version] [-R] path acl',
  flags: 'sR',
  values: 'v',
  args: [2, 2],
  async run(client, given) {
    const [path, text] = given.args;
    const acl = aclOf(text!);
    const paths = given.flags.has('R') ? await subtree(client, path!) : [path!];
    const found = await client.setAcl(path!, acl, versionOf(given));
    await forEachOf(paths.slice(1), async (each) => void (await client.setAcl(each, acl, versionOf(given))));
    return { lines: withStat([], given, found), json: { path, nodes: paths.length, stat: statJson(found) } };
  },
};

const sync: Command = {
  usage: 'path',
  args: [1, 1],
  async run(client, { args: [path] }) {
    await client.sync(path);
    return { lines: ['Sync is OK'], json: { path } };
  },
};

const getEphemerals: Command = {
  usage: '[path]',
  args: [0, 1],
  async run(client, { args: [prefix = '/'] }) {
    const paths = (await client.getEphemerals(prefix)).sort();
    return { lines: [listText(paths)], json: { paths } };
  },
};

const getAllChildrenNumber: Command = {
  usage: 'path',
  args: [1, 1],
  async run(client, { args: [path] }) {
    const count = await client.getAllChildrenNumber(path!);
    return { lines: [String(count)], json: { path, count } };
  },
};

const addWatch: Command = {
  usage: '[-m mode] path # mode: PERSISTENT or PERSISTENT_RECURSIVE, the default',
  values: 'm',
  args: [1, 1],
  async run(client, { values, args: [path] }, watch) {
    const mode = values.get('m') ?? 'PERSISTENT_RECURSIVE';
    if (!/^PERSISTENT(_RECURSIVE)?$/.test(mode)) throw new UsageError();
    await client.addWatch(path!, watch, { recursive: mode !== 'PERSISTENT' });
    return { lines: [], json: { path, mode } };
  },
};

const removeWatches: Command = {
  usage: 'path [-c|-d|-a]',
  flags: 'cda',
  args: [1, 1],
  async run(client, { flags, args: [path] }) {
    const type: WatcherType = flags.has('c') ? 'children' : flags.has('d') ? 'data' : 'any';
    await client.removeWatches(path!, type);
    return { lines: [], json: { path, type } };
  },
};

const whoami: Command = {
  usage: '',
  args: [0, 0],
  async run(client) {
    const ids = await client.whoAmI();
    // The user's name is all that is to be seen of a digest.
    return { lines: ['Auth scheme: User', ...ids.map(({ scheme, id }) => `${scheme}: ${id}`)], json: { ids } };
  },
};

const addauth: Command = {
  usage: 'scheme auth',
  args: [1, 2],
  async run(client, { args: [scheme, auth = ''] }) {
    await client.addAuth(scheme!, auth);
    return { lines: [], json: { scheme } };
  },
};

const config: Command = {
  usage: '[-w] [-s]',
  flags: 'ws',
  args: [0, 0],
  async run(client, given, watch) {
    const { data, stat: found } = await client.getConfig(watched(given, watch));
    const text = (data ?? Buffer.alloc(0)).toString('utf8');
    return { lines: withStat([text], given, found), json: { config: text, stat: statJson(found) } };
  },
};

export const nodeCommands: Readonly<Record<string, Command>> = {
  addauth,
  addWatch,
  config,
  create,
  delete: remove,
  deleteall: removeAll,
  get,
  getAcl,
  getAllChildrenNumber,
  getEphemerals,
  ls,
  removewatches: removeWatches,
  set,
  setAcl,
  stat,
  sync,
  whoami,
};
