/**
 * `zabra/recipes`: locks, elections and the like, upon a client of any ZooKeeper-compatible ensemble.
 *
 * Each class says what it guarantees and what not. What is held ends with the session of its client.
 */
export { Cache, type CacheEvent, type CacheOptions, type CachedNode } from './cache.ts';
export { Barrier } from './barrier.ts';
export { ConfigStore, type ConfigOptions } from './config-store.ts';
export { Counter, type CounterFormat, type CounterOptions } from './counter.ts';
export { DoubleBarrier } from './double-barrier.ts';
export { InvalidDataError, LostError, WaitTimeoutError } from './errors.ts';
export { LeaderElection, type ElectionOptions, type Leader, type Leadership } from './leader-election.ts';
export { Lock, type LockOptions } from './lock.ts';
export { Membership, type Member, type Seat } from './membership.ts';
export type { Naming } from './names.ts';
export type { Held } from './place.ts';
export { PriorityQueue } from './priority-queue.ts';
export { Queue } from './queue.ts';
export { ReadWriteLock } from './read-write-lock.ts';
export { Semaphore, type SemaphoreOptions } from './semaphore.ts';
export { ServiceRegistry, type Service, type ServiceInstance } from './service-registry.ts';
export type { WaitOptions } from './waiting.ts';
