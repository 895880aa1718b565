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

/** What addWatch asks for (ZooKeeper's AddWatchMode): this znode, or this one and all below it. */
export const watchMode = { persistent: 0, persistentRecursive: 1 } as const;

/** Which watches checkWatches and removeWatches mean (ZooKeeper's Watcher.WatcherType; the last two since 3.9). */
export const watcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;

export type WatcherType = (typeof watcherType)[keyof typeof watcherType];
