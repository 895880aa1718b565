/** The judgement of `check`: what is wrong, and what limits the ensemble. Pure, so that it can be tested. */
import { time, whole } from '../report/format.ts';
import type { Round } from '../report/record.ts';

/** One server, asked one thing at a time; µs, null where it did not answer. */
export interface Probe {
  readonly name: string;
  readonly mode: string | null;
  readonly connections: number | null;
  readonly readUs: number | null;
  readonly writeUs: number | null;
  readonly problem: string | null;
}

export interface Survey {
  readonly idle: readonly Probe[];
  readonly loaded: readonly Probe[];
  readonly round: Round;
  readonly rate: number;
  readonly boundMs: number;
  /** Mean of an fsync by what the servers tell, µs; null: they do not. */
  readonly fsyncUs: number | null;
}

/** Of the asked rate this much must be served. */
const servedShare = 0.95;
/** The slowest request may take this many times the bound of p99. */
const worstFactor = 10;
/** Two servers differ, or a part is most of a whole. */
const muchMore = 2.5;
const mostOf = 0.5;
/** µs; a write on an idle ensemble that waits longer waits for something. */
const slowUs = 2000;

/** Sentences; none: passed. */
export function verdictOf({ idle, round, rate, boundMs }: Survey): string[] {
  const problems: string[] = [];
  for (const { name, problem } of idle) if (problem !== null) problems.push(`${name} cannot be used: ${problem}`);
  const told = idle.filter(({ mode }) => mode !== null);
  const leads = told.filter(({ mode }) => mode === 'leader' || mode === 'standalone').length;
  if (told.length === idle.length && leads === 0) problems.push('none of these servers leads');
  if (leads > 1) problems.push(`${leads} of these servers lead: they are not of one ensemble`);
  if (round.perSecond < rate * servedShare)
    problems.push(`${whole(round.perSecond)} of ${whole(rate)} operations per second were served`);
  if (round.p99 > boundMs * 1000) problems.push(`p99 was ${time(round.p99)}, above ${boundMs} ms`);
  if (round.max > boundMs * 1000 * worstFactor)
    problems.push(`the slowest request took ${time(round.max)}, above ${boundMs * worstFactor} ms`);
  const refused = Object.values(round.errors).reduce((sum, count) => sum + count, 0);
  if (refused > 0) problems.push(`${whole(refused)} requests were refused`);
  if (round.unanswered > 0) problems.push(`${whole(round.unanswered)} requests were not answered in time`);
  if (round.lost > 0) problems.push(`${whole(round.lost)} requests were lost with their connections`);
  return problems;
}

/** What limits it, the most certain first; one sentence each, with what to do. */
export function advise({ idle, loaded, fsyncUs }: Survey): string[] {
  const read = middle(known(idle, ({ readUs }) => readUs));
  const write = middle(known(idle, ({ writeUs }) => writeUs));
  const busy = middle(known(loaded, ({ readUs }) => readUs));
  const findings = slowWrites(read, write, fsyncUs);
  if (read > 1000)
    findings.push(`network: a read takes ${time(read)} on an idle server, most of it on the way: be nearer to them`);
  if (read > 0 && busy > muchMore * read && busy - read > 500)
    findings.push(
      `cpu: a read takes ${time(busy)} under this load instead of ${time(read)}: the servers are busy, ` +
        'give them more processor or spread the clients',
    );
  findings.push(...hotServers(loaded));
  if (findings.length === 0) findings.push('nothing stands out: disk, network and processor keep up at this rate');
  return findings;
}

/** What of a write is not the way to the server: its fsync, or waiting. */
function slowWrites(read: number, write: number, fsyncUs: number | null): string[] {
  const commit = Math.max(0, write - read);
  if (fsyncUs !== null && write > 0 && fsyncUs > mostOf * write)
    return [
      `disk: an fsync takes ${time(fsyncUs)} of the ${time(write)} of a write: ` +
        'give the log (dataLogDir) a faster disk of its own',
    ];
  const rest = commit - (fsyncUs ?? 0);
  if (rest <= mostOf * write || rest <= slowUs) return [];
  return [
    fsyncUs === null
      ? `disk or links between the servers: of the ${time(write)} of a write, ${time(rest)} are not the way to the ` +
        'server: look at its fsync times and its peers'
      : `processor or links between the servers: of the ${time(write)} of a write, ${time(rest)} are neither the way ` +
        `to the server nor its fsync (${time(fsyncUs)}): the servers wait for a processor, or for each other`,
  ];
}

/** Servers that are slower, or have more clients, than the others. */
function hotServers(probes: readonly Probe[]): string[] {
  const found: string[] = [];
  const usual = middle(known(probes, ({ readUs }) => readUs));
  for (const { name, readUs } of probes) {
    if (probes.length > 1 && readUs !== null && usual > 0 && readUs > muchMore * usual && readUs - usual > 300)
      found.push(`one hot server: ${name} answers a read in ${time(readUs)}, the others in ${time(usual)}`);
  }
  const clients = known(probes, ({ connections }) => connections);
  const most = Math.max(...clients, 0);
  const fair = clients.reduce((sum, count) => sum + count, 0) / Math.max(1, clients.length);
  if (clients.length > 1 && most > 20 && most > 1.8 * fair) {
    const name = probes.find(({ connections }) => connections === most)?.name ?? '';
    found.push(`one hot server: ${name} has ${whole(most)} clients of ${whole(fair * clients.length)}: spread them`);
  }
  return found;
}

function known(probes: readonly Probe[], pick: (probe: Probe) => number | null): number[] {
  return probes.map(pick).filter((value) => value !== null);
}

/** The lower one of two, so that one slow server does not set the standard. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}
