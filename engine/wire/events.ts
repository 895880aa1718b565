/** Watch events as they go over the wire (ZooKeeper's Watcher.Event). */
export const eventType = {
  nodeCreated: 1,
  nodeDeleted: 2,
  nodeDataChanged: 3,
  nodeChildrenChanged: 4,
} as const;

export type EventType = (typeof eventType)[keyof typeof eventType];

/** The only keeper state that a server ever sends. */
export const stateSyncConnected = 3;
