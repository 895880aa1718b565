/**
 * Readable transcripts of Zab servers, in the manner of etcd's raft/testdata.
 *
 *   # why this matters            a block: comments, one command a line, then exactly what it causes
 *   propose 3
 *   ----
 *   3 write append 1.1            its disk will hold it           3 durable append 1.1
 *   3 → 1 proposal 1.1            sent                            1 ← 3 proposal 1.1     received
 *   3 is leading in epoch 1       role, phase, epoch changed      3 commits 1.1
 *
 * Commands: servers, disk, start, restart, crash, cut, heal, deliver, repeat, sync, install, propose,
 * compact, tick, stabilize (but for links and disks held), show. `quiet` before one hides all but
 * changes of role and commits, `silent` all.
 */
import type { Write } from '../../engine/consensus/core.ts';
import { isNews, World, type Item } from '../support/zab-world.ts';
import { parseDisk, text, textOfDisk, textOfItem, textOfWrite } from './words.ts';

export class Transcript {
  #world = new World({ voters: [] });
  #lines: string[] = [];
  #quiet = false;
  readonly #known = new Map<number, string>();
  readonly #commits = new Map<number, number>();

  /** Runs one command and returns what it caused. */
  run(command: string): string[] {
    this.#lines = [];
    const words = command.split(/\s+/);
    const isSilent = words[0] === 'silent';
    this.#quiet = words[0] === 'quiet';
    const [name, ...rest] = isSilent || this.#quiet ? words.slice(1) : words;
    this.#command(name!, rest);
    return isSilent ? [] : this.#lines;
  }

  #command(name: string, words: string[]): void {
    const world = this.#world;
    const ids = words.map(Number);
    const [id, more] = ids as [number, number];
    const [from, to] = (words[0] ?? '').split('>').map(Number) as [number, number];
    // prettier-ignore
    switch (name) {
      case 'servers': this.#servers(words); break;
      case 'disk': world.add(id, parseDisk(words.slice(1))); break;
      case 'start': for (const each of ids) world.start(each); this.#connectAll(); break;
      case 'restart': world.restart(id); this.#hearLinks(); break;
      case 'crash': world.crash(id); this.#known.delete(id); this.#hearLinks(); break;
      case 'cut': world.cut(id, more); this.#hearLinks(); break;
      case 'heal': this.#connect(id, more); break;
      case 'deliver': this.#deliver(from, to, words[1]); break;
      case 'repeat': world.queues.set(words[0]!, [world.queue(from, to)[0]!, ...world.queue(from, to)]); break;
      case 'sync': for (let i = 0; i < (more || 1); i++) world.sync(id); break;
      case 'install': world.install(id); break;
      case 'propose': for (let i = 0; i < (more || 1); i++) world.propose(id, 10, ids[2]); break;
      case 'compact': world.compact(id); break;
      case 'tick': for (let left = more; left > 0; left -= 100) world.tick(id, Math.min(left, 100)); break;
      case 'stabilize': world.stabilize((a, b) => words.includes(a === b ? `${a}` : `${a}>${b}`)); break;
      case 'show': for (const each of world.ids) this.#show(each); break;
      default: throw new Error(`unknown command ${name}`);
    }
  }

  /** `servers 1 2 3 [observer=4] [history=bytes]` */
  #servers(words: string[]): void {
    const options = new Map(
      words.filter((word) => word.includes('=')).map((word) => word.split('=')) as [string, string][],
    );
    const voters = words.filter((word) => !word.includes('=')).map(Number);
    this.#world = new World({
      voters,
      historyBytesMax: Number(options.get('history') ?? 1 << 20),
    });
    const observer = options.get('observer');
    for (const id of observer === undefined ? voters : [...voters, Number(observer)]) this.#world.add(id);
    this.#world.onEvent = (server, what, detail) => this.#event(server, what, detail);
  }

  /** Delivers one message, as many as given, or all up to the first of a kind. */
  #deliver(from: number, to: number, until = '1'): void {
    const world = this.#world;
    const kinds = world.queue(from, to).map((item) => item.kind);
    const count = Number(until) || kinds.indexOf(until as Item['kind']) + 1;
    if (count === 0 || count > kinds.length) throw new Error(`${from}>${to} holds ${kinds.join(' ')}, not ${until}`);
    for (let i = 0; i < count; i++) world.deliver(from, to);
  }

  #connectAll(): void {
    const world = this.#world;
    const isUp = (id: number): boolean => world.box(id).core !== null;
    for (const [a, b] of world.pairs()) if (isUp(a) && isUp(b)) this.#connect(a, b);
  }

  #connect(a: number, b: number): void {
    this.#world.connect(a, b);
    this.#hearLinks();
  }

  /** Everybody hears at once of links that came or went. */
  #hearLinks(): void {
    const world = this.#world;
    for (const [a, b] of world.pairs()) {
      while (isNews(world.queue(a, b)[0])) world.deliver(a, b);
      while (isNews(world.queue(b, a)[0])) world.deliver(b, a);
    }
  }

  #event(server: number, what: string, detail: unknown): void {
    type Detail = { from: number; to: number; item: Item; message: Item; reason: string };
    const { from, to, item, message, reason } = (detail ?? {}) as Detail;
    // prettier-ignore
    switch (what) {
      case 'got': if (!isNews(item)) this.#add(`${server} ← ${from} ${textOfItem(item)}`); break;
      case 'sends': this.#add(`${server} → ${to} ${textOfItem(message)}`); break;
      case 'writes': this.#add(`${server} write ${textOfWrite(detail as Write)}`); break;
      case 'durable': this.#add(`${server} durable ${textOfWrite(detail as Write)}`); break;
      case 'stepped': this.#changes(server); break;
      case 'resets': this.#lines.push(`${server} resets the link: ${reason}`); break;
      default: this.#add(`${server} ${what} ${what === 'reads' ? 'its log' : 'a snapshot'}`);
    }
  }

  #add(line: string): void {
    if (!this.#quiet) this.#lines.push(line);
  }

  #role(id: number): string {
    const { role, phase, epoch, leader } = this.#world.core(id);
    if (role === 'looking') return 'looking';
    return role === 'leading' ? `leading (${phase}), epoch ${epoch}` : `${role} ${leader} (${phase}), epoch ${epoch}`;
  }

  #changes(id: number): void {
    const core = this.#world.core(id);
    const line = `${id} is ${this.#role(id)}`;
    if (this.#known.get(id) !== line) this.#lines.push(core.role === 'looking' ? `${line}: ${core.reason}` : line);
    this.#known.set(id, line);
    if (core.committed > (this.#commits.get(id) ?? 0)) this.#lines.push(`${id} commits ${text(core.committed)}`);
    this.#commits.set(id, core.committed);
  }

  #show(id: number): void {
    const { core, disk } = this.#world.box(id);
    const role = core === null ? 'down' : `${this.#role(id)}, committed ${text(core.committed)}`;
    this.#lines.push(`${id} ${role}; disk ${textOfDisk(disk)}`);
  }
}

/** The transcript with every answer as it is now. */
export function replay(source: string): string {
  const transcript = new Transcript();
  const blocks = source.trimEnd().split(/\n\n+/);
  const answered = blocks.map((block) => {
    const asked = block.split('\n----')[0]!;
    const commands = asked.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    if (commands.length === 0) return asked;
    return `${asked}\n----\n${commands.flatMap((command) => transcript.run(command)).join('\n')}`.trimEnd();
  });
  return `${answered.join('\n\n')}\n`;
}
