/**
 * `check`: may this ensemble go into production? Pass or fail, and what limits it.
 *
 *   ask every server what it is ─► probe each one idle ─► hold a rate, open loop ─► probe under load ─► verdict
 */
import { advise, verdictOf, type Survey } from '../check/advice.ts';
import { fsyncOf, probe } from '../check/probe.ts';
import { describeWorkload } from '../load/workload.ts';
import { textTable, time, whole } from '../report/format.ts';
import { surveyTable, type CheckDetails } from '../report/check-page.ts';
import type { Target } from '../target/target.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { openTarget } from './target.ts';

const rateDefault = 1000;
const boundMsDefault = 50;

export async function runCheck(options: Options): Promise<void> {
  const measureMs = (options.seconds ?? 20) * 1000;
  const warmMs = (options.warm ?? 2) * 1000;
  const run = new Run('check', options, measureMs + warmMs + 8000);
  const target = await openTarget(run, options);
  let survey: Survey;
  try {
    survey = await look(run, target, { warmMs, measureMs });
  } finally {
    await target.close();
  }
  const { round, rate, boundMs } = survey;
  const problems = verdictOf(survey);
  const findings = advise(survey);
  const workload = { ...options.workload, rate };
  const { idle, loaded, fsyncUs } = survey;
  const details: CheckDetails = { survey: { idle, loaded, rate, boundMs, fsyncUs }, problems, findings };
  const loads = [{ name: describeWorkload(workload), target: target.label, workload, rounds: [round] }];
  const record = run.record(loads, {}, { ...details });
  run.progress.end();
  print(`\n${textTable(surveyTable(survey))}`);
  for (const problem of problems) print(`FAIL  ${problem}`);
  if (problems.length === 0)
    print(`PASS  ${whole(round.perSecond)} operations per second with p99 ${time(round.p99)}, within ${boundMs} ms`);
  for (const finding of findings) print(`      ${finding}`);
  print('');
  finish(run, record);
  if (problems.length > 0) throw new Error('the ensemble does not pass.');
}

async function look(run: Run, target: Target, timing: { warmMs: number; measureMs: number }): Promise<Survey> {
  const { workload, bound } = run.options;
  const rate = workload.rate > 0 ? workload.rate : rateDefault;
  run.progress.step('asking the servers');
  const idle = await Promise.all(target.hosts.map(probe));
  run.progress.step(`${whole(rate)} operations per second for ${timing.measureMs / 1000} s`);
  const underLoad = new Promise<Survey['loaded']>((resolve, reject) => {
    const when = timing.warmMs + timing.measureMs / 3;
    setTimeout(() => Promise.all(target.hosts.map(probe)).then(resolve, reject), when);
  });
  // No window holds requests back: they are due when they are due.
  const patient = { ...workload, rate: 0, window: Math.max(workload.window, 1024) };
  const [{ round }, loaded] = await Promise.all([run.round(target, patient, { ...timing, rate }), underLoad]);
  return { idle, loaded, round, rate, boundMs: bound ?? boundMsDefault, fsyncUs: await fsyncOf(target.hosts) };
}
