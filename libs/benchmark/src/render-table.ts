import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { metrics, metricsOf } from '@facet/evaluation';
import type { BootstrapInterval, MetricName, SeedInterval } from '@facet/evaluation';
import { countOf, formatCount, writeFileAtomically } from '@facet/platform';
import { taskTitles } from '@facet/stages';
import type { Task } from '@facet/stages';
import { drawSweep } from './sweep.ts';
import type { SweepResult } from './sweep.ts';
import type { BenchmarkTable, SystemSummary } from './table.ts';

/** Cells of a table. */
export interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Returns the metrics of one task at each cutoff with t intervals over seeds, the bootstrap interval over users, and how far the first
 * system is ahead.
 */
export function qualityGrid({ systems, mainCutoff, protocol }: BenchmarkTable, task: Task): Grid {
  // With one true item per user, recall equals the hit rate.
  const shown = metricsOf('benchmark').filter((metric) => protocol !== 'leave-one-out' || metric !== 'recall');
  const cutoffs = systems[0]?.tasks[task]?.cutoffs.map(({ cutoff }) => cutoff) ?? [];
  const users = protocol === 'leave-one-out' ? 'hitRate' : 'recall';
  return {
    head: [
      'System',
      ...cutoffs.flatMap((cutoff) => shown.map((metric) => shortTitle(metric, cutoff))),
      shortTitle('coverage', mainCutoff),
      `${shortTitle(users, mainCutoff)} over users`,
      `${systems[0]?.name ?? ''} minus system`,
    ],
    rows: systems.map((system) => {
      const { cutoffs, overUsers, behindFirst } = system.tasks[task]!;
      const main = cutoffs.find(({ cutoff }) => cutoff === mainCutoff)!;
      return [
        system.name,
        ...cutoffs.flatMap((summary) => shown.map((metric) => formatInterval(summary[metric]))),
        main.coverage.mean.toFixed(3),
        formatRange(overUsers.recall),
        behindFirst === undefined
          ? '–'
          : `${formatMetric(behindFirst.recall.mean)} (${formatRange(behindFirst.recall)})`,
      ];
    }),
  };
}

/** Returns the metrics on cold items, and the number of users who interact with one; undefined if the test has none. */
export function coldGrid({ systems }: BenchmarkTable): (Grid & { readonly users: number }) | undefined {
  const known = systems.find(({ cold }) => cold !== undefined)?.cold;
  if (known === undefined) return undefined;
  return {
    users: known.users,
    head: [
      'System',
      ...known.cutoffs.flatMap(({ cutoff }) => [
        shortTitle('hitRate', cutoff),
        shortTitle('ndcg', cutoff),
        `${shortTitle('hitRate', cutoff)} of cold`,
      ]),
    ],
    rows: systems.map(({ name, cold }) => [
      name,
      ...known.cutoffs.flatMap((_, index) => {
        const measured = cold?.cutoffs[index];
        const { hitRate, ndcg, hitRateAmongCold } = measured ?? {};
        return [hitRate, ndcg, hitRateAmongCold].map((value) => (value === undefined ? 'n/a' : formatInterval(value)));
      }),
    ]),
  };
}

/** Returns the cost of each system and the monitors of its interests. */
export function costGrid({ systems, choice }: BenchmarkTable): Grid {
  return {
    head: [
      'System',
      'Seeds',
      `Validation ${choice}`,
      'Chosen on validation',
      'Parameters',
      'Tuning s',
      'Training s',
      'Test s',
      'Interests per user',
      'Mean cosine',
      'Effective interests',
      'Shares of labels',
    ],
    rows: systems.map((system) => [
      system.name,
      String(system.seeds),
      system.validationScore === undefined ? '–' : formatInterval(system.validationScore),
      describeChosen(system),
      formatCount(Math.round(system.parameters)),
      system.tuningSeconds.toFixed(1),
      system.trainingSeconds.toFixed(1),
      system.evaluationSeconds.toFixed(1),
      ...describeInterests(system),
    ]),
  };
}

function describeInterests({ interests }: SystemSummary): string[] {
  if (interests === undefined) return ['–', '–', '–', '–'];
  const { meanInterests, meanCosine, effectiveInterests, labelShares } = interests;
  return [
    meanInterests.toFixed(2),
    meanCosine.toFixed(2),
    effectiveInterests.toFixed(2),
    labelShares.map((share) => `${Math.round(100 * share)} %`).join(' '),
  ];
}

/** Lists the different settings that the seeds chose. */
function describeChosen({ chosen }: SystemSummary): string {
  return [...new Set(chosen.map((choice) => describe(choice)))].join('; ') || '–';
}

function describe(choice: unknown): string {
  if (typeof choice !== 'object' || choice === null) return String(choice);
  return Object.entries(choice)
    .map(([name, value]) => (typeof value === 'object' ? `${name}: ${describe(value)}` : `${name} ${value}`))
    .join(', ');
}

/** Describes the runs that are missing in the table. */
export function describeFailed({ failed }: BenchmarkTable): string[] {
  return failed.map(({ system, seed, message }) => `Not in the table: ${system}, seed ${seed}. ${message}`);
}

/** Names the version of Facet that measured the rows, or that of each system if they differ. */
export function describeVersions({ systems }: BenchmarkTable): string {
  const [version, ...others] = new Set(systems.flatMap(({ versions }) => versions));
  if (others.length === 0) return `Measured by Facet ${version}.`;
  const bySystem = systems.map(({ name, versions }) => `${name} ${versions.join(' and ')}`).join(', ');
  return `The rows are of different versions of Facet, and may not be comparable: ${bySystem}.`;
}

/** Renders the whole table as Markdown. */
function renderMarkdown(table: BenchmarkTable): string {
  const { data, tasks, rules, mainCutoff } = table;
  return [
    `# Benchmark ${table.id}`,
    `${countOf(data.users, 'user')}, ${countOf(data.items, 'item')}, ${countOf(data.interactions, 'interaction')}; data ${data.id}.`,
    data.notes.map((note) => `- ${note}`).join('\n'),
    rules.map((rule) => `- ${rule}`).join('\n'),
    ...tasks.flatMap((task) => [
      `## ${taskTitles[task]} (${countOf(table.systems[0]!.tasks[task]!.users, 'user')})`,
      renderGrid(qualityGrid(table, task)),
    ]),
    `± is half of the 95 % t interval of the mean over seeds; a system without it was run once. The last columns are 95 % bootstrap intervals over users of the metric at ${mainCutoff}, averaged over seeds for each user: of the system, and of the first system minus this one, paired by user.`,
    ...renderCold(table),
    ...describeFailed(table),
    describeVersions(table),
    '## Cost and interests',
    renderGrid(costGrid(table)),
    'Tuning chooses settings (simple methods) or the number of epochs (towers) on validation. Training is the final fit, which includes the validation data. Seconds are means over seeds.',
    '## Settings',
    ...table.systems.map(({ name, settings }) => `- ${name}: \`${JSON.stringify(settings)}\``),
  ].join('\n\n');
}

function renderCold(table: BenchmarkTable): string[] {
  const grid = coldGrid(table);
  if (grid === undefined) return [];
  return [
    `## Cold items (${countOf(grid.users, 'user')})`,
    'Items without interactions before the cut, for users who interact with one in the test. HR and NDCG rank all items; "of cold" ranks only cold items. n/a: the system knows an item only by its interactions.',
    renderGrid(grid),
  ];
}

/** Renders the validation and test results of a sweep, with the chosen value. */
function renderSweep(sweep: SweepResult, table: BenchmarkTable): string {
  const [task = 'new'] = table.tasks;
  const rows = sweep.curves.flatMap(({ system, points, chosen }) =>
    points.map(({ value, validationScore, summary }) => {
      const main = summary.tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === table.mainCutoff)!;
      const isChosen = value === chosen ? ' (chosen)' : '';
      return [
        system,
        `${String(value)}${isChosen}`,
        formatInterval(validationScore),
        formatInterval(main.hitRate),
        formatInterval(main.ndcg),
      ];
    }),
  );
  const { choice, mainCutoff } = table;
  const head = [
    'System',
    sweep.name,
    `Validation ${choice}`,
    ...(['hitRate', 'ndcg'] as const).map((metric) => `Test ${shortTitle(metric, mainCutoff)}`),
  ];
  return [`## Sweep of ${sweep.name}`, `![${sweep.name}](${sweepFile(sweep)})`, renderGrid({ head, rows })].join(
    '\n\n',
  );
}

function sweepFile({ name }: SweepResult): string {
  return `sweep-${name}.svg`;
}

/** Writes a table with its sweeps and charts into a folder named by its id. Returns the folder. */
export async function saveTable(
  benchmarksFolder: string,
  table: BenchmarkTable,
  sweeps: readonly SweepResult[] = [],
): Promise<string> {
  const folder = join(benchmarksFolder, table.id);
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(join(folder, 'table.md'), [
    `${[renderMarkdown(table), ...sweeps.map((sweep) => renderSweep(sweep, table))].join('\n\n')}\n`,
  ]);
  for (const sweep of sweeps) await writeFileAtomically(join(folder, sweepFile(sweep)), [drawSweep(sweep, table)]);
  await writeFileAtomically(join(folder, 'table.json'), [
    `${JSON.stringify({ ...table, sweeps: sweeps.length === 0 ? undefined : sweeps }, null, 2)}\n`,
  ]);
  return folder;
}

function renderGrid({ head, rows }: Grid): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function shortTitle(metric: MetricName, cutoff: number): string {
  return `${metrics[metric].shortLabel}@${cutoff}`;
}

function formatInterval({ mean, halfWidth }: SeedInterval): string {
  return halfWidth === undefined ? formatMetric(mean) : `${formatMetric(mean)} ± ${formatMetric(halfWidth)}`;
}

function formatRange({ low, high }: BootstrapInterval): string {
  return `${formatMetric(low)} to ${formatMetric(high)}`;
}

function formatMetric(value: number): string {
  return value.toFixed(4);
}
