/** Makes what a load needs to be there: the keys, with data of the right size, and a place for each session. */
import type { Operation, Source } from './operation.ts';
import type { Workload } from './workload.ts';
import { keyPath, keysPath, madePath, rootPath, sessionPath } from './zookeeper-frames.ts';

const nodeExists = -110;

export class PrepareSource implements Source {
  readonly #steps: Iterator<Step>;
  /** Code of the first refusal that matters; 0: none. */
  refused = 0;
  finished = false;

  /** @param sessions of all generators together */
  constructor(workload: Workload, run: string, sessions: number, protocol: 'zookeeper' | 'etcd') {
    this.#steps = protocol === 'etcd' ? etcdSteps(workload) : steps(workload, run, sessions);
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

function* steps(workload: Workload, run: string, sessions: number): Generator<Step> {
  for (const path of [rootPath, keysPath, madePath]) yield { kind: 'create', path, bytes: 0, key: 0 };
  for (let session = 0; session < sessions; session++)
    yield { kind: 'create', path: sessionPath(run, session), bytes: 0, key: 0 };
  for (let key = 0; key < workload.keys; key++) {
    yield { kind: 'create', path: keyPath(key), bytes: workload.bytes, key };
    // A key of an earlier run may be of another size.
    yield { kind: 'set', path: keyPath(key), bytes: workload.bytes, key };
  }
}

function* etcdSteps({ keys, bytes }: Workload): Generator<Step> {
  for (let key = 0; key < keys; key++) yield { kind: 'set', path: '', bytes, key };
}
