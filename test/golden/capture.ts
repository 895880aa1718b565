/**
 * Writes down what a server answers:  node dist/test/golden/capture.js SUITE PORT > test/golden/SUITE.json
 *
 * The files were captured from new standalone servers of Apache ZooKeeper 3.8.0 (Debian's package) with
 * tickTime=500 and the properties of the suite (scenarios/index.ts), or from a follower of three.
 */
import { converse, suites, type SuiteName } from './scenarios/index.ts';

const [suite, port] = process.argv.slice(2) as [SuiteName, string];
const transcripts: { [name: string]: readonly string[] } = {};
for (const name of Object.keys(suites[suite].scenarios)) {
  process.stderr.write(`${name}\n`);
  transcripts[name] = await converse(suite, name, Number(port));
}
process.stdout.write(`${JSON.stringify(transcripts, null, 2)}\n`);
