/** The part of node-zookeeper-client that the tests use; it comes without types. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';

  export interface Stat {
    readonly version: number;
    readonly dataLength: number;
    readonly numChildren: number;
    /** int64 as eight bytes. */
    readonly ephemeralOwner: Buffer;
  }
  export class Id {
    constructor(scheme: string, id: string);
    readonly scheme: string;
    readonly id: string;
    static readonly AUTH_IDS: Id;
  }
  export class ACL {
    constructor(permission: number, id: Id);
    readonly permission: number;
    readonly id: Id;
    static readonly OPEN_ACL_UNSAFE: readonly ACL[];
    static readonly CREATOR_ALL_ACL: readonly ACL[];
  }
  export class Event {
    readonly name: string;
    readonly path: string;
  }
  export class Exception extends Error {
    readonly name: string;
    readonly code: number;
  }
  type Done<T extends readonly unknown[]> = (error: Exception | null, ...results: T) => void;
  type Watcher = (event: Event) => void;

  export interface Transaction {
    create(path: string, data?: Buffer): Transaction;
    setData(path: string, data: Buffer, version?: number): Transaction;
    check(path: string, version?: number): Transaction;
    remove(path: string, version?: number): Transaction;
    commit(done: Done<[unknown[]]>): void;
  }
  export interface Client extends EventEmitter {
    connect(): void;
    close(): void;
    getSessionId(): Buffer;
    addAuthInfo(scheme: string, auth: Buffer): void;
    create(path: string, data: Buffer | null, acls: readonly ACL[], mode: number, done: Done<[string]>): void;
    remove(path: string, version: number, done: Done<[]>): void;
    setData(path: string, data: Buffer, version: number, done: Done<[Stat]>): void;
    getData(path: string, watcher: Watcher | null, done: Done<[Buffer, Stat]>): void;
    getACL(path: string, done: Done<[ACL[], Stat]>): void;
    exists(path: string, watcher: Watcher | null, done: Done<[Stat | null]>): void;
    getChildren(path: string, watcher: Watcher | null, done: Done<[string[], Stat]>): void;
    mkdirp(path: string, done: Done<[string]>): void;
    transaction(): Transaction;
  }
  const zookeeper: {
    createClient(connectString: string, options?: { sessionTimeout?: number; spinDelay?: number }): Client;
    CreateMode: { PERSISTENT: 0; EPHEMERAL: 1; PERSISTENT_SEQUENTIAL: 2; EPHEMERAL_SEQUENTIAL: 3 };
    ACL: typeof ACL;
    Id: typeof Id;
  };
  export default zookeeper;
}
