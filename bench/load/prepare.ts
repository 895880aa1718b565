/** Makes what a load needs to be there: the keys, with data of the right size, and a place for each session. */
import type { Operation, Source } from './operation.ts';
import type { Workload } from './workload.ts';
import { keyPath, keysPath, madePath, rootPath, sessionPath } from './zookeeper-frames.ts';

const nodeExists = -110;

export interface Preparation {
  /** Sessions of all generators together, each of which gets a place for what it makes. */
  readonly sessions: number;
  /** Whether the keys are to be made: they outlive a load. */
  readonly keys: boolean;
  /** Those below this are there already; given, the others are known not to be. */
  readonly keysFrom?: number;
}

/** A load that makes nothing and finds its keys needs no preparation. */
export function needsPreparation({ mix }: Workload, { keys }: Preparation): boolean {
  return keys || makes(mix);
}

function makes({ create, ephemeral, delete: remove }: Workload['mix']): boolean {
  return (create ?? ephemeral ?? remove) !== undefined;
}

export class PrepareSource implements Source {
  readonly #steps: Iterator<Step>;
  /** Code of the first refusal that matters; 0: none. */
  refused = 0;
  finished = false;

  constructor(workload: Workload, run: string, preparation: Preparation, protocol: 'zookeeper' | 'etcd') {
    this.#steps = protocol === 'etcd' ? etcdSteps(workload, preparation) : steps(workload, run, preparation);
  }

  next(_session: number, operation: Operation): boolean {
    const { value, done } = this.#steps.next();
    if (done === true) {
      this.finished = true;
      return false;
    }
    operation.kind = value.kind;
    operation.path = value.path;
    operation.bytes = value.bytes;
    operation.key = value.key;
    return true;
  }

  answered(_session: number, error: number): void {
    if (error !== 0 && error !== nodeExists && this.refused === 0) this.refused = error;
  }
}

interface Step {
  readonly kind: 'create' | 'set';
  /** '': the key, whose path the frames know. */
  readonly path: string;
  readonly bytes: number;
  readonly key: number;
}

function* steps(workload: Workload, run: string, { sessions, keys, keysFrom }: Preparation): Generator<Step> {
  for (const path of [rootPath, keysPath, madePath]) yield { kind: 'create', path, bytes: 0, key: 0 };
  for (let session = 0; makes(workload.mix) && session < sessions; session++)
    yield { kind: 'create', path: sessionPath(run, session), bytes: 0, key: 0 };
  for (let key = keysFrom ?? 0; keys && key < workload.keys; key++) {
    yield { kind: 'create', path: keyPath(key), bytes: workload.bytes, key };
    // A key of an earlier run may be of another size.
    if (keysFrom === undefined) yield { kind: 'set', path: keyPath(key), bytes: workload.bytes, key };
  }
}

function* etcdSteps(workload: Workload, { keys }: Preparation): Generator<Step> {
  for (let key = 0; keys && key < workload.keys; key++) yield { kind: 'set', path: '', bytes: workload.bytes, key };
}
