// Kills every part of the daily refresh, at boundaries and inside stages, and looks at what each flow came to.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport } from '@facet/pipeline/runs';
import { describeError } from '@facet/platform';
import { createChooser } from '../seeded-events.ts';
import { mountSmallDisk } from '../small-disk.ts';
import type { SmallDisk } from '../small-disk.ts';
import { artifactsOf, checkPlant } from './checks.ts';
import type { Artifacts, Check } from './checks.ts';
import { startPlant } from './plant.ts';
import { scenarios } from './scenarios.ts';
import type { Outcome, Scenario } from './scenarios.ts';
import { copyHome, writeShopHome } from './shop-home.ts';
import { formatTable } from './table.ts';

const help = `Kills the parts of the daily refresh with SIGKILL, fills its disk, corrupts its files; then looks at what is left.

  npm run test:faults -- refresh [--seed 1] [--rounds 1] [--only TEXT] [--json]

  --seed N     chooses the random moments                                        1
  --rounds N   how often scenarios with random moments are done                  1
  --only TEXT  those scenarios whose name holds it; --only list prints the names
  --json       the outcome as JSON

Each scenario has a home of its own with a generated shop, a Redis with AOF, and a trainer and an indexer from source.
After each: the run is promoted, or failed with its reason and was promoted when it was asked for again; every artifact
that can be listed is whole; the day was promoted once, and that is current; the artifacts are those of an undisturbed
run; the schedule stands; the queues are empty; no stage outlived its worker by more than two seconds.
Exit code 0 when all of it held, else 1. Disks are filled only where one may mount a tmpfs (as root on Linux).`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
if (values.only === 'list') {
  console.log(scenarios.map(({ name }) => name).join('\n'));
  process.exit(0);
}

const reasonCharactersMax = 160;
/** Room for a home and all its artifacts. */
const smallDiskMegabytes = 128;

interface Row {
  readonly scenario: string;
  readonly fault: string;
  readonly happened: string;
  readonly ended: string;
  readonly reason: string;
  readonly checks: readonly Check[];
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const folder = await mkdtemp(join(tmpdir(), 'facet-refresh-faults-'));
const seed = Number(values.seed);
const wanted = scenarios.filter(({ name }) => name.includes(values.only));
const rows: Row[] = [];
const startedAt = Date.now();
try {
  const template = join(folder, 'template');
  await mkdir(template);
  await writeShopHome(template);
  say('The control run, undisturbed.');
  const control = await runControl(template);
  say(`It took ${seconds(control.tookMs)}.`);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const scenario of wanted) {
      if (round > 1 && scenario.isRandom !== true) continue;
      const name = round === 1 ? scenario.name : `${scenario.name} (${round})`;
      const row = await runScenario(template, { ...scenario, name }, round, control);
      rows.push(row);
      say(`${String(rows.length).padStart(2)}. ${name}: ${row.happened}, ${row.ended}, ${describeChecks(row)}`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const isPassed = rows.length > 0 && rows.every(({ checks }) => checks.every(({ problem }) => problem === undefined));
report();
process.exitCode = isPassed ? 0 : 1;

interface Control {
  readonly artifacts: Artifacts;
  readonly stageMs: Readonly<Record<RefreshStage, number>>;
  readonly tookMs: number;
}

async function runControl(template: string): Promise<Control> {
  const plant = await startPlant(await copyHome(template, join(folder, 'control')));
  try {
    const begunAt = Date.now();
    const runId = await plant.request();
    await plant.startApps();
    const done = await plant.ended(runId);
    const wrong = (await checkPlant(plant, done, undefined)).find(({ problem }) => problem !== undefined);
    if (wrong !== undefined) throw new Error(`undisturbed: ${wrong.name}: ${wrong.problem}`);
    return {
      artifacts: artifactsOf(done) as Artifacts,
      stageMs: Object.fromEntries(
        done.stages.map(({ stage, startedAt: from, endedAt = from }) => [stage, Math.max(1, endedAt - from)]),
      ) as Record<RefreshStage, number>,
      tookMs: Date.now() - begunAt,
    };
  } finally {
    await plant.stop();
  }
}

async function runScenario(template: string, scenario: Scenario, round: number, control: Control): Promise<Row> {
  const { name: title, fault } = scenario;
  const homeFolder = join(folder, title.replaceAll(/\W+/g, '-'));
  const disk = await mountDisk(scenario, homeFolder);
  if (disk === 'impossible') {
    return { scenario: title, fault, happened: 'left out: no disk can be mounted', ended: '', reason: '', checks: [] };
  }
  const plant = await startPlant(await copyHome(template, homeFolder));
  const begunAt = Date.now();
  try {
    // The scenario's own moments, whichever others run.
    const choose = createChooser(seed + 1_000 * round + 31 * scenarios.findIndex(({ name }) => title.startsWith(name)));
    const outcome = await scenario.run(plant, { choose, stageMs: control.stageMs });
    const tookMs = Date.now() - begunAt;
    const last = outcome.reports.at(-1)!;
    const missed = outcome.faults === 0 ? ['no moment was hit'] : [];
    const own = [...missed, ...(outcome.problems ?? [])].map((problem) => ({ name: 'the fault', problem }));
    return {
      scenario: title,
      fault,
      happened: describe(outcome, tookMs),
      ended: outcome.reports.map(({ state }) => state).join(', then '),
      reason: outcome.reports.flatMap(({ reason }) => (reason === undefined ? [] : [reason])).join(' | '),
      checks: [...own, ...(await checkPlant(plant, last, control.artifacts))],
    };
  } catch (error) {
    const problem = `${describeError(error)}\n${plant.trainer.said}\n${plant.indexer.said}`;
    const happened = `took ${seconds(Date.now() - begunAt)}`;
    return { scenario: title, fault, happened, ended: 'unknown', reason: '', checks: [{ name: 'it ends', problem }] };
  } finally {
    await plant.stop();
    await disk?.unmount();
    await rm(homeFolder, { recursive: true, force: true });
  }
}

async function mountDisk({ smallDisk }: Scenario, homeFolder: string): Promise<SmallDisk | undefined | 'impossible'> {
  if (smallDisk === undefined) return undefined;
  const mountPoint = smallDisk === 'home' ? homeFolder : join(homeFolder, 'artifacts');
  return (await mountSmallDisk(mountPoint, smallDiskMegabytes)) ?? 'impossible';
}

/** As `6 faults, attempts 1 4 2 1 1 1, 41 s`: the attempts of each stage, in order, of all runs. */
function describe({ faults, reports }: Outcome, tookMs: number): string {
  const attempts = (report: RunReport): string =>
    refreshStages.map((stage) => report.stages.find((record) => record.stage === stage)?.attempt ?? 0).join(' ');
  return `${faults} ${faults === 1 ? 'fault' : 'faults'}, attempts ${reports.map(attempts).join(' | ')}, ${seconds(tookMs)}`;
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
  const tookMs = Date.now() - startedAt;
  if (values.json) {
    console.log(JSON.stringify({ ok: isPassed, seed, tookMs, scenarios: rows }));
    return;
  }
  console.log(
    formatTable([
      ['scenario', 'fault', 'what happened', 'ended as', 'reason', 'checks'],
      ...rows.map((row) => [
        row.scenario,
        row.fault,
        row.happened,
        row.ended,
        row.reason.length > reasonCharactersMax ? `${row.reason.slice(0, reasonCharactersMax)}…` : row.reason,
        `${row.checks.filter(({ problem }) => problem === undefined).length}/${row.checks.length}`,
      ]),
    ]),
  );
  for (const row of rows) {
    for (const { name, problem } of row.checks) {
      if (problem !== undefined) console.log(`${row.scenario}: ${name}: ${problem}`);
    }
  }
  console.log(`${isPassed ? 'ok' : 'FAILED'}, seed ${seed}, ${seconds(tookMs)}`);
}
