/** Reads back what the servers hold after a fault and compares it with what was acknowledged. */
import { Client } from '../../engine/client/index.ts';
import type { Verified } from '../load/protocol.ts';
import { checkKey, type KeyLedger, type KeyState } from '../load/verify.ts';
import { keyPath } from '../load/zookeeper-frames.ts';
import type { Host } from '../target/target.ts';

/** Sentences of a report at most. */
const violationsMax = 20;

export interface Outcome {
  readonly violations: readonly string[];
  readonly violationCount: number;
  readonly acknowledged: number;
}

/** What the sessions noticed on the way, and what each server holds in the end. */
export async function verifyState(verified: Verified, hosts: readonly Host[]): Promise<Outcome> {
  const violations = [...verified.violations];
  let count = verified.violationCount;
  const known = verified.ledgers.filter(({ initial }) => initial >= 0);
  for (const host of hosts) {
    const states = await readKeys(host, known);
    for (const [n, ledger] of known.entries()) {
      const problem = checkKey(ledger, states[n]!);
      if (problem === null) continue;
      count++;
      if (violations.length < violationsMax) violations.push(`server at ${host.port}: ${problem}`);
    }
  }
  const acknowledged = known.reduce((sum, ledger) => sum + ledger.acknowledged - ledger.initial, 0);
  return { violations, violationCount: count, acknowledged };
}

async function readKeys({ host, port }: Host, ledgers: readonly KeyLedger[]): Promise<KeyState[]> {
  const client = await Client.connect(`${host}:${port}`, { timeoutMs: 20_000 });
  try {
    await client.sync('/');
    return await Promise.all(
      ledgers.map(async ({ key }) => {
        const { data, stat } = await client.getData(keyPath(key));
        const stamp = data !== null && data.length >= 4 ? Buffer.from(data).readUInt32BE(0) : 0;
        return { version: stat.version, stamp };
      }),
    );
  } finally {
    await client.close();
  }
}
