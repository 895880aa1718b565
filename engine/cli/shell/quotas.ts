/**
 * Quotas are nodes that a client makes: limits and figures below /zookeeper/quota, at most one pair along
 * any path from the root (tree/quotas.ts keeps the figures).
 */
import { Buffer } from 'node:buffer';
import { ensurePath, KeeperError, subtree, type Client } from '../../client/index.ts';
import { figuresText, limitsPath, parseFigures, statsPath, type Figures } from '../../tree/quotas.ts';
import { parentOf } from '../../tree/paths.ts';
import { Refusal, type Command } from './commands.ts';
import { UsageError } from './words.ts';

const root = '/zookeeper/quota';
/** Option and the limit that it is about: soft count and bytes, hard count and bytes. */
const limits: readonly (readonly [string, string])[] = [
  ['n', 'count'],
  ['b', 'bytes'],
  ['N', 'countHardLimit'],
  ['B', 'byteHardLimit'],
];
const unset = -1;

async function figuresAt(client: Client, path: string): Promise<Figures | null> {
  try {
    const { data } = await client.getData(path);
    return parseFigures((data ?? Buffer.alloc(0)).toString('utf8'));
  } catch (error) {
    if (error instanceof KeeperError && error.code === 'noNode') return null;
    throw error;
  }
}

/** All limits, those that are not set as -1, as zkCli writes them. */
function completed(figures: Figures): Figures {
  return new Map(limits.map(([, name]) => [name, figures.get(name) ?? unset]));
}

const setquota: Command = {
  usage: '-n|-b|-N|-B val path',
  values: 'nbNB',
  args: [1, 1],
  async run(client, { values, args: [path] }) {
    const [option, name] = limits.find(([letter]) => values.has(letter)) ?? [];
    if (option === undefined) {
      throw new UsageError(
        'Missing required option: [-n num soft quota, -b bytes soft quota, -N num hard quota, -B bytes hard quota]',
      );
    }
    const value = Number(values.get(option));
    if (values.size > 1) throw new UsageError('one limit at a time');
    if (!Number.isSafeInteger(value) || value < unset) throw new UsageError(`${values.get(option)} is no limit`);
    await setLimit(client, path!, name!, value);
    const what = option.toLowerCase() === 'n' ? 'count' : 'bytes';
    const used = (await figuresAt(client, statsPath(path!)))?.get(what) ?? 0;
    const warning = `[Warning]: the ${what} quota you create is less than the existing ${what}:${used}`;
    return { lines: value !== unset && used > value ? [warning] : [], json: { path, [name!]: value } };
  },
};

async function setLimit(client: Client, path: string, name: string, value: number): Promise<void> {
  if ((await client.exists(path)) === null) throw new Refusal(`${path} does not exist.`);
  if (path === '/') throw new Refusal('the root cannot have a quota');
  if (path.startsWith(root)) throw new Refusal(`cannot set a quota under the path: ${root}`);
  const known = await figuresAt(client, limitsPath(path));
  const wanted = figuresText(completed(new Map([...(known ?? []), [name, value]])));
  if (known !== null) {
    await client.setData(limitsPath(path), wanted);
    return;
  }
  for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
    if ((await client.exists(limitsPath(above))) !== null)
      throw new Refusal(`${path} has a parent ${above} which has a quota`);
  }
  const folder = `${root}${path}`;
  await ensurePath(client, folder);
  const below = (await subtree(client, folder)).find((each) => each.endsWith('/zookeeper_limits'));
  if (below !== undefined)
    throw new Refusal(`${path} has child ${parentOf(below).slice(root.length)} which has a quota`);
  const none = figuresText(parseFigures('count=0,bytes=0'));
  await client.multi().create(limitsPath(path), wanted).create(statsPath(path), none).commit();
}

const listquota: Command = {
  usage: 'path',
  args: [1, 1],
  async run(client, { args: [path] }) {
    const [limit, stats] = await Promise.all([
      figuresAt(client, limitsPath(path!)),
      figuresAt(client, statsPath(path!)),
    ]);
    const lines = [`absolute path is ${limitsPath(path!)}`];
    if (limit === null || stats === null) throw new Refusal([...lines, `quota for ${path} does not exist.`].join('\n'));
    lines.push(`Output quota for ${path} ${figuresText(limit)}`, `Output stat for ${path} ${figuresText(stats)}`);
    return { lines, json: { path, limits: Object.fromEntries(limit), stats: Object.fromEntries(stats) } };
  },
};

const delquota: Command = {
  usage: '[-n|-b|-N|-B] path',
  flags: 'nbNB',
  args: [1, 1],
  async run(client, { flags, args: [path] }) {
    const known = await figuresAt(client, limitsPath(path!));
    if (known === null) throw new Refusal(`Quota does not exist for ${path}`);
    const gone = limits.filter(([letter]) => flags.has(letter)).map(([, name]) => name);
    if (gone.length > 0) {
      for (const name of gone) known.set(name, unset);
      await client.setData(limitsPath(path!), figuresText(completed(known)));
      return { lines: [], json: { path, removed: gone } };
    }
    await client.multi().delete(limitsPath(path!)).delete(statsPath(path!)).commit();
    // Folders that led to it and to nothing else go as well.
    for (let folder = `${root}${path}`; folder !== root; folder = parentOf(folder)) {
      if ((await client.getChildren(folder)).length > 0) break;
      await client.delete(folder);
    }
    return { lines: [], json: { path, removed: limits.map(([, name]) => name) } };
  },
};

export const quotaCommands: Readonly<Record<string, Command>> = { setquota, listquota, delquota };
