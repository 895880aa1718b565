/** What can go wrong, and how it is brought about. */
import type { ServerProcess } from '../target/process.ts';
import type { Target } from '../target/target.ts';
import { pause, poll } from '../target/words.ts';

export interface Scene {
  readonly target: Target;
  readonly leader: ServerProcess;
  readonly follower: ServerProcess;
  /** Notes that something happened now, for the chart. */
  readonly mark: (name: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** s of load after the fault begins. */
  readonly seconds: number;
  readonly settings?: readonly string[];
  readonly canPartition?: boolean;
  /** The fault takes the leader away, so the gap can be split. */
  readonly hitsLeader: boolean;
  /** Znodes of 1 KiB that are there before the load. */
  readonly znodes?: number;
  run(scene: Scene): Promise<void>;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'leader-killed',
    title: 'leader killed (SIGKILL)',
    seconds: 4,
    hitsLeader: true,
    run: async ({ leader, mark }) => {
      mark('killed');
      await leader.end('SIGKILL');
    },
  },
  {
    name: 'leader-paused',
    title: 'leader paused (SIGSTOP)',
    seconds: 18,
    hitsLeader: true,
    run: async ({ leader, mark }) => {
      mark('paused');
      leader.signal('SIGSTOP');
      await pause(14_000);
      leader.signal('SIGCONT');
      mark('resumed');
    },
  },
  {
    name: 'leader-partitioned',
    title: 'leader cut off from its peers',
    seconds: 18,
    canPartition: true,
    hitsLeader: true,
    run: async ({ target, leader, mark }) => {
      mark('cut off');
      target.partition!(leader.id, true);
      await pause(14_000);
      target.partition!(leader.id, false);
      mark('joined again');
    },
  },
  {
    name: 'follower-killed',
    title: 'follower killed (SIGKILL)',
    seconds: 4,
    hitsLeader: false,
    run: async ({ target, follower, mark }) => {
      mark('killed');
      await follower.end('SIGKILL');
      await pause(1000);
      await restart(target, follower, mark);
    },
  },
  {
    name: 'rolling-restart',
    title: 'rolling restart, the leader last',
    seconds: 12,
    hitsLeader: false,
    run: async ({ target, leader, mark }) => {
      for (const server of [...target.servers.filter((server) => server !== leader), leader]) {
        mark(server === leader ? 'leader stops' : 'follower stops');
        await server.end('SIGTERM');
        await restart(target, server, mark);
      }
    },
  },
  {
    name: 'snapshot',
    title: 'snapshots during load',
    seconds: 12,
    settings: ['snapCount=20000'],
    znodes: 2000,
    hitsLeader: false,
    // The load itself brings them about; their times are in the journals.
    run: async () => {},
  },
  {
    name: 'follower-resync',
    title: 'follower resynchronized under load',
    seconds: 12,
    znodes: 10_000,
    settings: ['zabra.historyBytesMax=65536'],
    hitsLeader: false,
    run: async ({ target, follower, mark }) => {
      mark('killed');
      await follower.end('SIGKILL');
      await pause(4000);
      await restart(target, follower, mark);
    },
  },
];

async function restart(target: Target, server: ServerProcess, mark: (name: string) => void): Promise<void> {
  server.start();
  await poll(`server ${server.id} does not serve again`, server, () => target.modeOf(target.hosts[server.id - 1]!));
  mark('serves again');
}
