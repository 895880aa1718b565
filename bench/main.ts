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
import { runThroughput } from './command/throughput.ts';
import { runTransports } from './command/transports.ts';
import { runTune } from './command/tune.ts';

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
  const [first, ...rest] = process.argv.slice(2);
  const isCommand = first !== undefined && !first.startsWith('-');
  const command = commands[isCommand ? first : 'canonical'];
  if (command === undefined) throw new Error(`bench knows ${Object.keys(commands).join(', ')}, not "${first}".`);
  await command(parseOptions(isCommand ? rest : process.argv.slice(2)));
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(1);
  },
);
