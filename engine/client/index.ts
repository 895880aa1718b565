/** `zabra/client`: a client of any ZooKeeper-compatible ensemble; begin with `Client`. */
export { Client, configPath, type ReadOptions, type WatchOptions } from './client.ts';
export type { Environment } from './environment.ts';
export {
  AuthFailedError,
  ClientClosedError,
  ConnectionLossError,
  KeeperError,
  OperationTimeoutError,
  SessionExpiredError,
  TransactionError,
  type ErrorName,
} from './errors.ts';
export type { Auth, ClientOptions, SessionKey } from './options.ts';
export { acls, type NodeData, type Stat } from './records.ts';
export type { CallOptions } from './request.ts';
export type { SessionState, StateListener } from './session.ts';
export { deleteAll, ensurePath, subtree } from './trees.ts';
export { MultiRead, Transaction, type ReadResult } from './transaction.ts';
export type { Connector, ServerAddress, Transport, TransportEvents } from './transport.ts';
export { Watch } from './watch.ts';
export type { Watcher, WatcherType, WatchEvent, WatchEventType } from './watch-table.ts';
export type { CreateOptions, Data, Reconfiguration } from './writes.ts';
export { permission, type Acl, type Id } from '../wire/acl.ts';
