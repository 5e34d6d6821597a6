import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { createScratchFolder, json, logProgress, option, printResults, readCommandLine } from '@facet/local-services';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport } from '@facet/pipeline/runs';
import { alignColumns, describeError } from '@facet/platform';
import { mountSmallDisk } from '../disk.ts';
import type { SmallDisk } from '../disk.ts';
import { artifactsOf, checkTestbed } from './checks.ts';
import type { Artifacts, Check } from './checks.ts';
import { startTestbed } from './testbed.ts';
import { scenarios } from './scenarios.ts';
import type { Moments, Outcome, Scenario } from './scenarios.ts';
import { copyHome, writeShopHome } from './shop-home.ts';

const { values } = readCommandLine({
  usage: 'npm run test:faults -- refresh',
  summary: 'Kill the parts of the daily refresh, fill its disk and corrupt its files',
  options: {
    seed: option.seed('Seed of the random moments', 1),
    only: option.text(
      'TEXT',
      `Run the scenarios whose name contains TEXT: ${scenarios.map(({ name }) => name).join(', ')}`,
      '',
    ),
    json,
  },
  notes: `Each scenario has a separate data home with a generated shop, a Redis with AOF, a trainer and an indexer. After each scenario
the run is promoted, or it failed with a reason and a second run is promoted. Every listed artifact is intact. The day is
promoted once, and its bundle is current. The artifacts equal those of an undisturbed run. The schedule exists, the queues
are empty, and no stage process outlives its worker by more than two seconds.

Exit code: 0 when every check passes, 1 otherwise. Scenarios with a full disk need permission to mount a tmpfs (root on Linux).`,
});

const reasonCharactersMax = 160;
/** Space for a data home with all its artifacts. */
const smallDiskMegabytes = 128;

interface Row {
  readonly scenario: string;
  readonly fault: string;
  readonly result: string;
  readonly ended: string;
  readonly reason: string;
  readonly checks: readonly Check[];
}

const { path: folder } = await createScratchFolder('faults-refresh');
const { seed } = values;
const rows: Row[] = [];
const startedAt = Date.now();
const template = join(folder, 'template');
await mkdir(template);
await writeShopHome(template);
logProgress('Running the control run without faults.');
const control = await runControl();
logProgress(`The control run took ${seconds(control.durationMs)}.`);
for (const [position, scenario] of scenarios.entries()) {
  if (!scenario.name.includes(values.only)) continue;
  // The seed does not depend on which other scenarios run.
  const { int: choose } = createRandom(seed + 1_000 + 31 * position);
  const row = await runScenario(scenario, choose);
  rows.push(row);
  logProgress(
    `${String(rows.length).padStart(2)}. ${row.scenario}: ${row.result}, ${row.ended}, ${describeChecks(row)}`,
  );
}
const isPassed = rows.length > 0 && rows.every(({ checks }) => checks.every(({ problem }) => problem === undefined));
report();
process.exitCode = isPassed ? 0 : 1;

interface Control {
  readonly artifacts: Artifacts;
  readonly stageMs: Readonly<Record<RefreshStage, number>>;
  readonly durationMs: number;
}

async function runControl(): Promise<Control> {
  const testbed = await startTestbed(await copyHome(template, join(folder, 'control')));
  try {
    const begunAt = Date.now();
    const runId = await testbed.request();
    await testbed.startApps();
    const done = await testbed.ended(runId);
    const wrong = (await checkTestbed(testbed, done, undefined)).find(({ problem }) => problem !== undefined);
    if (wrong !== undefined) throw new Error(`the control run failed: ${wrong.name}: ${wrong.problem}`);
    return {
      artifacts: artifactsOf(done) as Artifacts,
      stageMs: Object.fromEntries(
        done.stages.map(({ stage, startedAt: from, endedAt = from }) => [stage, Math.max(1, endedAt - from)]),
      ) as Record<RefreshStage, number>,
      durationMs: Date.now() - begunAt,
    };
  } finally {
    await testbed.stop();
  }
}

async function runScenario(scenario: Scenario, choose: Moments['choose']): Promise<Row> {
  const { name, fault } = scenario;
  const homeFolder = join(folder, name.replaceAll(/\W+/g, '-'));
  const disk = await mountDisk(scenario, homeFolder);
  if (disk === 'impossible') {
    return { scenario: name, fault, result: 'skipped: cannot mount a small disk', ended: '', reason: '', checks: [] };
  }
  const testbed = await startTestbed(await copyHome(template, homeFolder));
  const begunAt = Date.now();
  try {
    const outcome = await scenario.run(testbed, { choose, stageMs: control.stageMs });
    const durationMs = Date.now() - begunAt;
    const last = outcome.reports.at(-1)!;
    const missed = outcome.faults === 0 ? ['no fault was injected'] : [];
    const own = [...missed, ...(outcome.problems ?? [])].map((problem) => ({ name: 'the fault', problem }));
    return {
      scenario: name,
      fault,
      result: describe(outcome, durationMs),
      ended: outcome.reports.map(({ state }) => state).join(', then '),
      reason: outcome.reports.flatMap(({ reason }) => (reason === undefined ? [] : [reason])).join(' | '),
      checks: [...own, ...(await checkTestbed(testbed, last, control.artifacts))],
    };
  } catch (error) {
    const problem = `${describeError(error)}\n${testbed.trainer.errorOutput}\n${testbed.indexer.errorOutput}`;
    const result = `took ${seconds(Date.now() - begunAt)}`;
    return { scenario: name, fault, result, ended: 'unknown', reason: '', checks: [{ name: 'completes', problem }] };
  } finally {
    await testbed.stop();
    await disk?.unmount();
    await rm(homeFolder, { recursive: true, force: true });
  }
}

async function mountDisk({ smallDisk }: Scenario, homeFolder: string): Promise<SmallDisk | undefined | 'impossible'> {
  if (smallDisk === undefined) return undefined;
  const mountPoint = smallDisk === 'home' ? homeFolder : join(homeFolder, 'artifacts');
  return (await mountSmallDisk(mountPoint, smallDiskMegabytes)) ?? 'impossible';
}

/** Returns text such as `6 faults, attempts 1 4 2 1 1 1, 41 s`: the attempts per stage of each run. */
function describe({ faults, reports }: Outcome, durationMs: number): string {
  const attempts = (report: RunReport): string =>
    refreshStages.map((stage) => report.stages.find((record) => record.stage === stage)?.attempt ?? 0).join(' ');
  return `${faults} ${faults === 1 ? 'fault' : 'faults'}, attempts ${reports.map(attempts).join(' | ')}, ${seconds(durationMs)}`;
}

function describeChecks({ checks }: Row): string {
  const failed = checks.filter(({ problem }) => problem !== undefined);
  const passed = `${checks.length - failed.length} of ${checks.length} checks`;
  return [passed, ...failed.map(({ name, problem }) => `\n    FAILED ${name}: ${problem}`)].join('');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(0)} s`;
}

function report(): void {
  const durationMs = Date.now() - startedAt;
  const problems = rows.flatMap(({ scenario, checks }) =>
    checks.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${scenario}: ${name}: ${problem}`])),
  );
  printResults(values.json, { ok: isPassed, seed, durationMs, scenarios: rows }, [
    ...alignColumns([
      ['scenario', 'fault', 'result', 'final state', 'reason', 'checks'],
      ...rows.map((row) => [
        row.scenario,
        row.fault,
        row.result,
        row.ended,
        row.reason.length > reasonCharactersMax ? `${row.reason.slice(0, reasonCharactersMax)}…` : row.reason,
        `${row.checks.filter(({ problem }) => problem === undefined).length}/${row.checks.length}`,
      ]),
    ]),
    ...problems,
    `${isPassed ? 'ok' : 'FAILED'}, seed ${seed}, ${seconds(durationMs)}`,
  ]);
}
