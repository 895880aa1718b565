/** Paths as the program names them, and as the server does: with the chroot in front. */
import { errorCode } from '../wire/errors.ts';
import { isValidPath } from '../wire/paths.ts';
import { KeeperError } from './errors.ts';

export class Paths {
  readonly #chroot: string;

  constructor(chroot: string) {
    this.#chroot = chroot;
  }

  /** @throws KeeperError badArguments when it is no path */
  toServer(path: string): string {
    if (typeof path !== 'string' || !isValidPath(path)) throw invalid(path);
    return this.#full(path);
  }

  /** The path of a sequential node may end with a slash: a number follows. */
  toServerSequential(path: string): string {
    if (typeof path !== 'string' || !isValidPath(`${path}1`)) throw invalid(path);
    return this.#chroot + path;
  }

  toClient(path: string): string {
    const { length } = this.#chroot;
    if (length === 0 || !path.startsWith(this.#chroot)) return path;
    return path.length === length ? '/' : path.slice(length);
  }

  #full(path: string): string {
    if (this.#chroot === '') return path;
    return path === '/' ? this.#chroot : this.#chroot + path;
  }
}

function invalid(path: string): KeeperError {
  return new KeeperError(errorCode.badArguments, path, `"${path}" is no path`);
}
