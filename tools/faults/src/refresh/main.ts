import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { createScratchFolder, logProgress, readCommandLine } from '@facet/local-services';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport } from '@facet/pipeline/runs';
import { describeError } from '@facet/platform';
import { mountSmallDisk } from '../disk.ts';
import { endWithRows, onlyOption, playEach, suiteOptions } from '../suite.ts';
import { artifactsOf, checkTestbed } from './checks.ts';
import type { Artifacts } from './checks.ts';
import { startTestbed } from './testbed.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { copyHome, writeShopHome } from './shop-home.ts';

const { values } = readCommandLine({
  options: {
    ...suiteOptions,
    only: onlyOption('scenarios', scenarios),
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

const { path: folder } = await createScratchFolder('faults-refresh');
const { seed } = values;
const template = join(folder, 'template');
await mkdir(template);
await writeShopHome(template);
logProgress('Running the control run without faults.');
const control = await runControl();
const rows = await playEach(scenarios, values.only, play);
endWithRows(values.json, rows);

async function runControl() {
  const testbed = await startTestbed(await copyHome(template, join(folder, 'control')));
  try {
    const runId = await testbed.request();
    await testbed.startApps();
    const done = await testbed.ended(runId);
    const [problem] = await checkTestbed(testbed, done, undefined);
    if (problem !== undefined) throw new Error(`the control run failed: ${problem}`);
    return {
      artifacts: artifactsOf(done) as Artifacts,
      stageMs: Object.fromEntries(
        done.stages.map(({ stage, startedAt: from, endedAt = from }) => [stage, Math.max(1, endedAt - from)]),
      ) as Record<RefreshStage, number>,
    };
  } finally {
    await testbed.stop();
  }
}

async function play({ name, fault, smallDisk, run }: Scenario, position: number) {
  const homeFolder = join(folder, name.replaceAll(/\W+/g, '-'));
  const row = { name, fault, faults: 0, attempts: '', ms: 0, ended: 'unknown', reason: '' };
  const mountPoint = smallDisk === 'artifacts' ? join(homeFolder, 'artifacts') : homeFolder;
  const disk = smallDisk && (await mountSmallDisk(mountPoint, smallDiskMegabytes));
  if (smallDisk !== undefined && disk === undefined) {
    return { ...row, ended: 'skipped: cannot mount a small disk', problems: [] };
  }
  const testbed = await startTestbed(await copyHome(template, homeFolder));
  const begunAt = Date.now();
  try {
    // The seed does not depend on which other scenarios run.
    const { int: choose } = createRandom(seed + 1_000 + 31 * position);
    const { faults, reports, problems = [] } = await run(testbed, { choose, stageMs: control.stageMs });
    const ms = Date.now() - begunAt;
    return {
      ...row,
      faults,
      attempts: reports.map(attemptsOf).join(' | '),
      ms,
      ended: reports.map(({ state }) => state).join(', then '),
      reason: reports.flatMap(({ reason }) => reason?.slice(0, reasonCharactersMax) ?? []).join(' | '),
      problems: [
        ...(faults === 0 ? ['no fault was injected'] : []),
        ...problems,
        ...(await checkTestbed(testbed, reports.at(-1)!, control.artifacts)),
      ],
    };
  } catch (error) {
    const problem = `${describeError(error)}\n${testbed.trainer.output}\n${testbed.indexer.output}`;
    return { ...row, ms: Date.now() - begunAt, problems: [problem] };
  } finally {
    await testbed.stop();
    disk?.unmount();
    await rm(homeFolder, { recursive: true, force: true });
  }
}

/** Returns the attempts of each stage, such as `1 4 2 1 1 1`. */
function attemptsOf({ stages }: RunReport): string {
  return refreshStages.map((stage) => stages.find((record) => record.stage === stage)?.attempt ?? 0).join(' ');
}
