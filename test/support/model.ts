/** ZooKeeper's rules for znodes as plainly as they can be said: a Map from path to node. */
export interface Node {
  data: string | null;
  version: number;
  aversion: number;
  creations: number;
  /** Persistent 0, ephemeral 1, container 2, with a ttl 3. */
  kind: number;
  /** Session of an ephemeral node, ttl ms of a TTL node. */
  owner: number;
  mtime: number;
  czxid: number;
  mzxid: number;
  pzxid: number;
}

export type Change =
  | { readonly kind: 'create'; readonly path: string; readonly data: string | null; readonly flags: number }
  | { readonly kind: 'container'; readonly path: string; readonly data: string | null }
  | { readonly kind: 'ttl'; readonly path: string; readonly data: string | null; readonly ttlMs: number }
  | { readonly kind: 'delete' | 'check' | 'setAcl'; readonly path: string; readonly version: number }
  | { readonly kind: 'set'; readonly path: string; readonly data: string | null; readonly version: number };

export class Model {
  nodes = new Map<string, Node>();

  constructor() {
    this.nodes.set('/', blank('', 0, 0, 0, 0));
  }

  childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()].filter(
      (other) => other !== '/' && other.startsWith(prefix) && !other.slice(prefix.length).includes('/'),
    );
  }

  /** The error code. */
  apply(change: Change, session: number, zxid: number, time: number): number {
    switch (change.kind) {
      case 'create': {
        const { path, data, flags } = change;
        const isEphemeral = (flags & 1) !== 0;
        const owner = isEphemeral ? session : 0;
        return this.#create(path, (flags & 2) !== 0, blank(data, zxid, time, isEphemeral ? 1 : 0, owner));
      }
      case 'container':
        return this.#create(change.path, false, blank(change.data, zxid, time, 2, 0));
      case 'ttl':
        return this.#create(change.path, false, blank(change.data, zxid, time, 3, change.ttlMs));
      case 'delete':
        return this.#delete(change.path, change.version, zxid);
      default: {
        const node = this.nodes.get(change.path);
        if (node === undefined) return -101;
        const present = change.kind === 'setAcl' ? node.aversion : node.version;
        if (change.version !== -1 && change.version !== present) return -103;
        if (change.kind === 'setAcl') node.aversion++;
        if (change.kind !== 'set') return 0;
        node.data = change.data;
        node.version++;
        node.mzxid = zxid;
        node.mtime = time;
        return 0;
      }
    }
  }

  /** All of them or none; the error code of the first refusal. */
  applyAll(changes: readonly Change[], session: number, zxid: number, time: number): number {
    const before = structuredClone(this.nodes);
    for (const change of changes) {
      const error = this.apply(change, session, zxid, time);
      if (error === 0) continue;
      this.nodes = before;
      return error;
    }
    return 0;
  }

  close(session: number, zxid: number): void {
    for (const [path, node] of this.nodes) if (node.kind === 1 && node.owner === session) this.#delete(path, -1, zxid);
  }

  /** The leader found it due; the error code. */
  reap(path: string, zxid: number, time: number): number {
    const node = this.nodes.get(path);
    if (node === undefined) return -101;
    if (this.childrenOf(path).length > 0) return -111;
    const isDue = node.kind === 2 ? node.creations > 0 : node.kind === 3 && time - node.mtime > node.owner;
    return isDue ? this.#delete(path, -1, zxid) : -103;
  }

  #create(given: string, isSequential: boolean, node: Node): number {
    const parent = this.nodes.get(parentOf(given));
    if (parent === undefined) return -101;
    const path = isSequential ? `${given}${String(parent.creations).padStart(10, '0')}` : given;
    if (this.nodes.has(path)) return -110;
    if (parent.kind === 1) return -108;
    parent.creations++;
    parent.pzxid = node.czxid;
    this.nodes.set(path, node);
    return 0;
  }

  #delete(path: string, version: number, zxid: number): number {
    const parent = this.nodes.get(parentOf(path));
    const node = this.nodes.get(path);
    if (parent === undefined || node === undefined) return -101;
    if (version !== -1 && version !== node.version) return -103;
    if (this.childrenOf(path).length > 0) return -111;
    this.nodes.delete(path);
    parent.pzxid = zxid;
    return 0;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function blank(data: string | null, zxid: number, mtime: number, kind: number, owner: number): Node {
  return { data, version: 0, aversion: 0, creations: 0, kind, owner, mtime, czxid: zxid, mzxid: zxid, pzxid: zxid };
}
