/**
 * A generator: a process of its own that loads servers as it is told.
 *
 *   parent ── open ──► connects, prepares ── ready ──► parent ── run ──► … result … ── close ──►
 */
import { Load, type LoadSpec } from './load.ts';
import { MixSource } from './mix.ts';
import type { Source } from './operation.ts';
import { needsPreparation, PrepareSource, type Preparation } from './prepare.ts';
import { sharedNow, type Order, type Report, type SourceSpec, type Verified } from './protocol.ts';
import { ReplaySource } from './recording.ts';
import { VerifySource } from './verify.ts';

const prepareWindow = 256;
const progressMs = 250;
const pingMs = 1000;
/** A server that is silent for this share of the session's time-out is given up, as real clients do. */
const silentShare = 2 / 3;

type OpenOrder = Extract<Order, { kind: 'open' }>;

let load: Load | null = null;
let source: Source | null = null;
let pings: NodeJS.Timeout | null = null;

function report(message: Report): void {
  // Without the parent there is nobody to tell, and this process is about to end.
  if (process.connected) process.send!(message);
}

/** Resolves when `holds` does, which is looked at on each change and now and then. */
function when(holds: () => boolean, patienceMs: number, what: string, why = (): string => ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = performance.now() + patienceMs;
    const look = (): void => {
      const held = holds();
      if (!held && performance.now() < end) return;
      clearInterval(timer);
      if (load !== null) load.onChange = () => {};
      if (held) resolve();
      else reject(new Error(`${what} within ${patienceMs / 1000} s${why()}`));
    };
    const timer = setInterval(look, 50);
    if (load !== null) load.onChange = look;
    look();
  });
}

function createSource(spec: SourceSpec, order: OpenOrder): Source {
  const { workload, firstSession, seed } = order.spec;
  switch (spec.kind) {
    case 'mix':
      return new MixSource(workload, seed, firstSession);
    case 'verify':
      return new VerifySource(firstSession, workload.sessions);
    case 'replay':
      return new ReplaySource(spec.operations);
    default:
      return spec satisfies never;
  }
}

async function open(order: OpenOrder): Promise<void> {
  const { spec, preparation, openMs } = order;
  if (preparation !== null && needsPreparation(spec.workload, preparation)) await prepare(order, preparation);
  source = createSource(order.source, order);
  const opened = await connected(spec, source, openMs);
  pings = setInterval(() => ping(opened), pingMs);
  report({ kind: 'ready' });
}

async function connected(spec: LoadSpec, from: Source, openMs: number): Promise<Load> {
  const opened = (load = new Load(spec, from));
  for (const session of opened.sessions) session.open();
  const why = (): string => Array.from(opened.reasons, ([host, reason]) => `; ${host}: ${reason}`).join('');
  await when(() => opened.sessions.every(({ ready }) => ready), openMs, 'not all sessions were established', why);
  return opened;
}

/** Makes what is needed, over one session of its own. */
async function prepare({ spec, openMs, prepareMs }: OpenOrder, preparation: Preparation): Promise<void> {
  const steps = new PrepareSource(spec.workload, spec.run, preparation, spec.protocol);
  const workload = { ...spec.workload, sessions: 1, window: prepareWindow };
  const opened = await connected({ ...spec, workload }, steps, openMs);
  opened.begin({ startAt: performance.now(), warmMs: 0, measureMs: 0, rate: 0 });
  const isOver = (): boolean => opened.counts.lost > 0 || (steps.finished && opened.inFlight === 0);
  await when(isOver, prepareMs, 'the keys were not made');
  opened.stop();
  for (const session of opened.sessions) session.close();
  if (opened.counts.lost > 0)
    throw new Error(`the connection broke while the keys were made: a server may not take ${workload.bytes} bytes`);
  if (steps.refused !== 0) throw new Error(`making the keys was refused with code ${steps.refused}`);
}

function ping(opened: Load): void {
  const silentSince = performance.now() - opened.spec.sessionTimeoutMs * silentShare;
  for (const session of opened.sessions) {
    if (!session.ready) continue;
    if (session.heardAt < silentSince) {
      session.abandon();
    } else if (session.inFlight === 0) {
      session.ping();
      session.flush();
    }
  }
}

async function run({ startAt, warmMs, measureMs, rate, schedule }: Extract<Order, { kind: 'run' }>): Promise<void> {
  const running = load!;
  const offset = sharedNow() - performance.now();
  const start = startAt - offset;
  await until(start);
  running.begin({ startAt: start, warmMs, measureMs, rate, ...(schedule === undefined ? {} : { schedule }) });
  const progress = setInterval(() => report({ kind: 'progress', operations: running.operations }), progressMs);
  await until(start + warmMs);
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  await until(start + warmMs + measureMs);
  const { user, system } = process.cpuUsage(cpu);
  const { utilization } = performance.eventLoopUtilization(loop);
  running.stop();
  clearInterval(progress);
  await when(() => running.drained, 10_000, 'the replies did not come');
  report({ kind: 'result', result: running.result(user + system, utilization), verified: verified() });
}

function verified(): Verified | null {
  if (!(source instanceof VerifySource)) return null;
  const { violations, violationCount } = source;
  return { ledgers: source.ledgers(), violations, violationCount };
}

/** Not a fraction of a millisecond before: what is due in it would not be sent any more. */
async function until(at: number): Promise<void> {
  for (let left = at - performance.now(); left > 0; left = at - performance.now())
    await new Promise((resolve) => setTimeout(resolve, Math.ceil(left)));
}

function close(): void {
  clearInterval(pings!);
  for (const session of load?.sessions ?? []) session.close();
  process.disconnect();
  // Sockets that a dead server does not close must not keep this process.
  setTimeout(() => process.exit(0), 500).unref();
}

process.on('message', (order: Order) => {
  const failed = (error: Error): void => report({ kind: 'failed', reason: error.message });
  if (order.kind === 'open') open(order).catch(failed);
  else if (order.kind === 'run') run(order).catch(failed);
  else close();
});
process.on('disconnect', () => setTimeout(() => process.exit(0), 1000).unref());
