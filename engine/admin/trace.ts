/** ZooKeeper's mask of what it writes into its trace log. It is remembered and shown; nothing is traced here. */
export interface Trace {
  mask: number;
}

/** ZooKeeper's default: client requests, sessions, events, warnings. */
export function createTrace(): Trace {
  return { mask: 306 };
}
