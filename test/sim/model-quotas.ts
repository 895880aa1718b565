/** Quotas as the model keeps them: which subtrees have one, and the figures in their stats nodes. */

const root = '/zookeeper/quota';
const limits = '/zookeeper_limits';
const stats = '/zookeeper_stats';

interface Figures {
  count: number;
  bytes: number;
}

export class ModelQuotas {
  readonly #quotas = new Set<string>();
  /** By the path of the stats node. */
  readonly #figures = new Map<string, Figures>();

  /** A node came, or went; `all` are the nodes there are now, with their bytes. Returns the stats node to write. */
  changed(path: string, bytes: number, count: number, all: () => Iterable<readonly [string, number]>): string | null {
    if (path.startsWith(`${root}/`)) this.#quotaNode(path, count, all);
    const quota = this.#over(path);
    const figures = this.#figures.get(`${root}${quota}${stats}`);
    if (quota === null || figures === undefined) return path.endsWith(stats) && count > 0 ? path : null;
    figures.count += count;
    figures.bytes += bytes;
    return `${root}${quota}${stats}`;
  }

  text(path: string): string {
    const { count, bytes } = this.#figures.get(path)!;
    return `count=${count},bytes=${bytes}`;
  }

  #quotaNode(path: string, count: number, all: () => Iterable<readonly [string, number]>): void {
    if (path.endsWith(limits)) {
      const quota = path.slice(root.length, -limits.length);
      if (count > 0) this.#quotas.add(quota);
      else if (count < 0) this.#quotas.delete(quota);
    }
    if (!path.endsWith(stats)) return;
    if (count < 0) this.#figures.delete(path);
    if (count <= 0) return;
    const top = path.slice(root.length, -stats.length);
    const figures: Figures = { count: 0, bytes: 0 };
    for (const [other, bytes] of all()) {
      if (!`${other}/`.startsWith(`${top}/`)) continue;
      figures.count++;
      figures.bytes += bytes;
    }
    this.#figures.set(path, figures);
  }

  #over(path: string): string | null {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (this.#quotas.has(at)) return at;
    return null;
  }
}
