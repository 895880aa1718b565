/** Makes the node that a sequence lies below and removes it afterwards, whatever its ACLs say. */
import { op, RawClient, Record } from '../../support/raw-client.ts';

const noNode = -101;
const secret = 'super:secret';
/** What both servers are told, so that the janitor may do all. */
export const superDigest = 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=';

export class Janitor {
  readonly #client: RawClient;
  readonly #timer: NodeJS.Timeout;

  private constructor(client: RawClient) {
    this.#client = client;
    this.#timer = setInterval(() => void client.ping(), 5000);
  }

  static async at(port: number): Promise<Janitor> {
    const client = await RawClient.connect(port, { timeoutMs: 30_000 });
    const reply = await client.request(op.auth, new Record().int(0).buffer('digest').buffer(secret), -4);
    if (reply?.err !== 0) throw new Error('the janitor is not let in');
    return new Janitor(client);
  }

  async make(root: string): Promise<void> {
    const reply = await this.#client.create(root);
    if (reply?.err !== 0) throw new Error(`create ${root}: ${reply?.err ?? 'closed'}`);
  }

  /** Removes the node and all below it, if there is one. */
  async remove(path: string): Promise<void> {
    const there = await this.#client.request(op.exists, new Record().buffer(path).bool(false));
    if (there?.err === noNode) return;
    for (const name of await this.#client.children(path)) await this.remove(`${path}/${name}`);
    const reply = await this.#client.remove(path);
    if (reply?.err !== 0) throw new Error(`delete ${path}: ${reply?.err ?? 'closed'}`);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.close();
  }
}
