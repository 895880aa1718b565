/** Who leads: one server an epoch, and one ensemble. */
import { zxidText } from '../../../engine/base/zxid.ts';
import type { SimServer } from '../process.ts';
import { Checker } from './checker.ts';

/** At most one leader is ever established in an epoch, and its history holds everything committed before. */
export class Leaders extends Checker {
  readonly name = 'one leader per epoch';
  readonly #byEpoch = new Map<number, number>();

  override turn(server: SimServer): void {
    const { core } = server.server!;
    if (core.role !== 'leading' || !core.serving) return;
    const known = this.#byEpoch.get(core.epoch);
    this.expect(known === undefined || known === server.id, () => {
      return `servers ${known} and ${server.id} both lead epoch ${core.epoch}`;
    });
    if (known !== undefined) return;
    this.#byEpoch.set(core.epoch, server.id);
    const committed = this.truth.txns.at(-1)?.zxid ?? 0;
    this.expect(core.initial >= committed, () => {
      const [from, known] = [zxidText(core.initial), zxidText(committed)];
      return `server ${server.id} leads epoch ${core.epoch} from ${from}, but ${known} was committed`;
    });
  }

  get elections(): number {
    return this.#byEpoch.size;
  }
}

/**
 * Whoever has data is of the ensemble whose data it is: it refuses all others, so a crash just then would
 * keep it out of its own. New ensembles may come and go while none has data.
 */
export class Ensembles extends Checker {
  readonly name = 'one ensemble';
  #id = 0;

  override turn(server: SimServer): void {
    const { ensembleId } = server;
    if (ensembleId === 0) return;
    if (this.#id === 0) this.#id = ensembleId;
    this.expect(ensembleId === this.#id, () => {
      return `server ${server.id} has data, but is of ensemble ${ensembleId} instead of ${this.#id}`;
    });
  }
}
