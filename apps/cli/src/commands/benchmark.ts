import { basename, resolve } from 'node:path';
import { homePaths } from '@facet/config';
import { createStageContext } from '@facet/pipeline';
import type { FacetConfig } from '@facet/config';
import type { StageContext } from '@facet/pipeline';
import {
  chooseSystems,
  openBenchmarkData,
  readSweep,
  runBenchmark,
  saveTable,
  summarize,
  sweepSystems,
} from '@facet/pipeline/benchmark';
import type {
  BenchmarkData,
  BenchmarkRow,
  BenchmarkSource,
  ProtocolName,
  Setting,
  Sweep,
} from '@facet/pipeline/benchmark';
import { AppError } from '@facet/platform/errors';
import { findData } from '../benchmark/find-data.ts';
import { renderBenchmark } from '../benchmark/render-benchmark.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { defaultHome } from '../config.ts';
import { ownFilesHome } from '../demo/demo-home.ts';
import { unlessAborted } from '../interruption.ts';
import { readConfig } from '../pipeline-context.ts';
import { runImport } from '../run-stages.ts';
import { countOf, formatDuration } from '../terminal/text.ts';

export interface BenchmarkOptions extends Omit<CommonOptions, 'home'> {
  readonly home?: string;
  readonly data?: readonly string[];
  readonly items?: readonly string[];
  readonly users?: readonly string[];
  readonly protocol: ProtocolName;
  readonly systems?: readonly string[];
  readonly seeds: number;
  readonly set?: readonly Setting[];
  readonly sweep?: readonly Sweep[];
}

/** `facet benchmark`: every system on the same data, split and evaluation, in one table. */
export async function benchmarkCommand(options: BenchmarkOptions, context: CommandContext): Promise<void> {
  const { output, terminal, signal } = context;
  const config = await readConfig(options);
  const { pipeline, source, home } = await openSource(options, config, context);
  const benchmark = await openData(pipeline, source, options.protocol, context);
  const { systems: names, set: settings = [], sweep: sweeps = [] } = options;
  const chosen = chooseSystems(names, { config, benchmark, settings });
  const systems = [...chosen, ...sweeps.flatMap((sweep) => sweepSystems(sweep, chosen))];
  const run = await runBenchmark({
    context: pipeline,
    benchmark,
    systems,
    seeds: options.seeds,
    signal,
    now: () => performance.now(),
    onRow: ({ name, seed, place, total }) => {
      const stage = context.progress.stage(`${place + 1}/${total}`, `${name}, seed ${seed}`);
      return {
        update: (share, detail) => stage.update(share, `${name}, seed ${seed}: ${detail}`),
        diverged: (description) => stage.note(`${name}, seed ${seed}: ${description}`),
        done: (row, reused) => stage.done(describeRow(row, benchmark), { reused }),
        failed: () => stage.failed(),
      };
    },
  });
  const [lost] = run.diverged;
  if (run.rows.length === 0 && lost !== undefined) throw lost.error;
  const table = summarize(run, systems, benchmark);
  const towers = chosen.map(({ name }) => name);
  const results = sweeps.map((sweep) => readSweep(sweep, towers, table));
  const folder = await saveTable(pipeline.home.benchmarksFolder, table, results);
  output.show(
    `\n${renderBenchmark(table, terminal)}\n\nSaved in ${folder}: table.md, table.json${sweeps.map(({ name }) => `, sweep-${name}.svg`).join('')}`,
  );
  output.document({ home, folder, table });
  if (lost === undefined) return;
  throw new AppError(`${countOf(run.diverged.length, 'training')} diverged; the table is of the others.`, {
    code: 'BENCHMARK_DIVERGED',
    category: 'usage',
    remedy: lost.error.remedy ?? 'Set a lower training.learningRate.',
  });
}

/** Where the interactions are, with files of events imported into their home. */
async function openSource(
  options: BenchmarkOptions,
  config: FacetConfig,
  context: CommandContext,
): Promise<{ pipeline: StageContext; source: BenchmarkSource; home: string }> {
  const open = (home: string): StageContext => createStageContext(homePaths(resolve(home)), config);
  if (options.data === undefined) {
    const home = options.home ?? context.environment.home ?? defaultHome;
    return { pipeline: open(home), source: { kind: 'home' }, home };
  }
  const data = await findData(options.data, options);
  if (data.kind === 'sequences') {
    const home = options.home ?? (await ownFilesHome({ events: [data.path] }, {}));
    return { pipeline: open(home), source: data, home };
  }
  const home = options.home ?? (await ownFilesHome(data.files, [config.mapping, config.eventTypes]));
  const pipeline = open(home);
  await runImport(data.files, pipeline, context);
  return { pipeline, source: { kind: 'home' }, home };
}

async function openData(
  pipeline: StageContext,
  source: BenchmarkSource,
  protocol: ProtocolName,
  { progress, signal }: CommandContext,
): Promise<BenchmarkData> {
  const name = source.kind === 'home' ? 'the events of the home' : basename(source.path);
  const stage = progress.stage('data', `${name}, ${protocol}`);
  try {
    const benchmark = await unlessAborted(openBenchmarkData(pipeline, source, protocol), signal);
    const { data, protocol: opened } = benchmark;
    stage.done(
      `${countOf(data.sequences.items.length, 'interaction')} with ${countOf(data.items.length - 1, 'item')}, ` +
        `${countOf(opened.test.users.length, 'user')} in the test`,
    );
    return benchmark;
  } catch (error) {
    stage.failed();
    throw error;
  }
}

function describeRow(row: BenchmarkRow, { protocol }: BenchmarkData): string {
  const figures = protocol.tasks.map((task) => {
    const { recall, ndcg } = row.tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === protocol.mainCutoff)!;
    const measured = `recall@${protocol.mainCutoff} ${recall.toFixed(4)}, ndcg ${ndcg.toFixed(4)}`;
    return protocol.tasks.length === 1 ? measured : `${task} ${measured}`;
  });
  const seconds = row.tuningSeconds + row.trainingSeconds;
  return `${row.system}, seed ${row.seed}: ${figures.join('; ')}; fitted in ${formatDuration(1000 * seconds)}`;
}
