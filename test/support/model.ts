/** ZooKeeper's rules for znodes as plainly as they can be said: a Map from path to node. */
export interface Node {
  data: string | null;
  version: number;
  aversion: number;
  creations: number;
  owner: number;
  czxid: number;
  mzxid: number;
  pzxid: number;
}

export type Change =
  | { readonly kind: 'create'; readonly path: string; readonly data: string | null; readonly flags: number }
  | { readonly kind: 'delete' | 'check' | 'setAcl'; readonly path: string; readonly version: number }
  | { readonly kind: 'set'; readonly path: string; readonly data: string | null; readonly version: number };

export class Model {
  nodes = new Map<string, Node>();

  constructor() {
    this.nodes.set('/', blank('', 0, 0));
  }

  childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()].filter(
      (other) => other !== '/' && other.startsWith(prefix) && !other.slice(prefix.length).includes('/'),
    );
  }

  /** The error code. */
  apply(change: Change, session: number, zxid: number): number {
    switch (change.kind) {
      case 'create':
        return this.#create(change.path, change.data, change.flags, session, zxid);
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
        return 0;
      }
    }
  }

  /** All of them or none; the error code of the first refusal. */
  applyAll(changes: readonly Change[], session: number, zxid: number): number {
    const before = structuredClone(this.nodes);
    for (const change of changes) {
      const error = this.apply(change, session, zxid);
      if (error === 0) continue;
      this.nodes = before;
      return error;
    }
    return 0;
  }

  close(session: number, zxid: number): void {
    for (const [path, node] of this.nodes) if (node.owner === session) this.#delete(path, -1, zxid);
  }

  #create(given: string, data: string | null, flags: number, session: number, zxid: number): number {
    const parent = this.nodes.get(parentOf(given));
    if (parent === undefined) return -101;
    const path = (flags & 2) === 0 ? given : `${given}${String(parent.creations).padStart(10, '0')}`;
    if (this.nodes.has(path)) return -110;
    if (parent.owner !== 0) return -108;
    parent.creations++;
    parent.pzxid = zxid;
    this.nodes.set(path, blank(data, zxid, (flags & 1) === 0 ? 0 : session));
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

function blank(data: string | null, zxid: number, owner: number): Node {
  return { data, version: 0, aversion: 0, creations: 0, owner, czxid: zxid, mzxid: zxid, pzxid: zxid };
}
