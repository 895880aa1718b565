/**
 * The benchmarks: `npm run bench -- [command] [flags]`; what each is for is in bench/README.md.
 */
import { runCanonical } from './command/canonical.ts';
import { runCheck } from './command/check.ts';
import { runClients } from './command/clients.ts';
import { runCompare } from './command/compare.ts';
import { runFailover } from './command/failover.ts';
import { runGenerator } from './command/generator.ts';
import { runLatency } from './command/latency.ts';
import { runMicro } from './command/micro.ts';
import { parseOptions, type Options } from './command/options.ts';
import { runOverhead } from './command/overhead.ts';
import { runPeers } from './command/peers.ts';
import { runRecord } from './command/record.ts';
import { runReplay } from './command/replay.ts';
import { runReport } from './command/report.ts';
import { runScale } from './command/scale.ts';
import { refuseIgnored } from './command/takes.ts';
import { runThroughput } from './command/throughput.ts';
import { runTransports } from './command/transports.ts';
import { runTune } from './command/tune.ts';

const usage = `usage: npm run bench -- [command] [flags]

  (none)        two figures, in under two minutes
  throughput    sessions x requests in flight x payload x share of reads
  latency       open loop at 25, 50, 75 and 90 % of the measured peak
  failover      seven faults under load, to the millisecond; fails if a write was lost or doubled
  scale         up to a million znodes, 5,000 sessions, 100,000 watches
  tune          looks for better settings, prints lines for zoo.cfg
  compare A B   two records, two git revisions or two built checkouts
  peers         Apache ZooKeeper and etcd next to it, where they are installed
  clients       the client of this package next to node-zookeeper-client
  transports    clients in the server's process next to clients over TCP
  check         pass or fail for the ensemble at --hosts H,H,H, and what limits it
  record FILE   writes down what clients ask: --listen P --hosts H
  replay FILE   asks it again
  micro         ns and bytes of the pieces
  generator     what the load generator itself costs
  overhead      what it costs that the servers always measure themselves
  report FILE   writes the report of a record again

bench/README.md has the flags and how to read the figures.
`;

const commands: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  canonical: runCanonical,
  throughput: runThroughput,
  transports: runTransports,
  latency: runLatency,
  failover: runFailover,
  scale: runScale,
  tune: runTune,
  clients: runClients,
  compare: runCompare,
  peers: runPeers,
  check: runCheck,
  record: runRecord,
  replay: runReplay,
  micro: runMicro,
  generator: runGenerator,
  overhead: runOverhead,
  report: runReport,
};

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  const parsed = parseOptions(process.argv.slice(2));
  // Flags may stand before the command as well.
  const [name = 'canonical', ...positionals] = parsed.positionals;
  const options = { ...parsed, positionals };
  const command = commands[name];
  if (command === undefined) throw new Error(`bench knows ${Object.keys(commands).join(', ')}, not "${name}".`);
  refuseIgnored(name, options);
  await command(options);
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(1);
  },
);
