import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeedInterval } from '@facet/evaluation';
import { writeFileAtomically } from '@facet/platform';
import type { Task } from '../evaluation/tasks.ts';
import { drawSweep } from './sweep.ts';
import type { SweepResult } from './sweep.ts';
import type { BenchmarkTable, MetricName, SystemSummary } from './table.ts';

const taskTitles: Readonly<Record<Task, string>> = {
  new: 'Items new to the user',
  all: 'All items, repeats included',
};

const metricTitles: Readonly<Record<MetricName, string>> = {
  recall: 'Recall',
  hitRate: 'HR',
  ndcg: 'NDCG',
  mrr: 'MRR',
  coverage: 'Coverage',
};

/** Cells of a table. */
export interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One task: each system's figures at each cutoff, with t intervals over seeds and bootstrap intervals over users. */
export function qualityGrid({ systems, mainCutoff, protocol }: BenchmarkTable, task: Task): Grid {
  // With one true item a user, recall is the hit rate.
  const shown: readonly MetricName[] =
    protocol === 'leave-one-out' ? ['hitRate', 'ndcg'] : ['recall', 'hitRate', 'ndcg'];
  const cutoffs = systems[0]?.tasks[task]?.cutoffs.map(({ cutoff }) => cutoff) ?? [];
  const users = protocol === 'leave-one-out' ? 'HR' : 'Recall';
  return {
    head: [
      'System',
      ...cutoffs.flatMap((cutoff) => shown.map((metric) => `${metricTitles[metric]}@${cutoff}`)),
      `Coverage@${mainCutoff}`,
      `${users}@${mainCutoff} over users`,
    ],
    rows: systems.map((system) => {
      const { cutoffs, overUsers } = system.tasks[task]!;
      const main = cutoffs.find(({ cutoff }) => cutoff === mainCutoff)!;
      return [
        system.name,
        ...cutoffs.flatMap((summary) => shown.map((metric) => figure(summary[metric]))),
        main.coverage.mean.toFixed(3),
        `${short(overUsers.recall.low)}–${short(overUsers.recall.high)}`,
      ];
    }),
  };
}

/** Cold items: those that nobody chose before the cut, found by their side features; undefined where there are none. */
export function coldGrid({ systems }: BenchmarkTable): Grid | undefined {
  const known = systems.find(({ cold }) => cold !== undefined)?.cold;
  if (known === undefined) return undefined;
  return {
    head: ['System', ...known.cutoffs.flatMap(({ cutoff }) => [`HR@${cutoff}`, `NDCG@${cutoff}`])],
    rows: systems.map(({ name, cold }) => [
      name,
      ...known.cutoffs.flatMap((_, place) => {
        const measured = cold?.cutoffs[place];
        return measured === undefined ? ['n/a', 'n/a'] : [figure(measured.hitRate), figure(measured.ndcg)];
      }),
    ]),
  };
}

/** What each system cost, and how the interests of towers differ and share the work. */
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
      'Interests a user',
      'Mean cosine',
      'Effective interests',
      'Shares of labels',
    ],
    rows: systems.map((system) => [
      system.name,
      String(system.seeds),
      system.validationScore === undefined ? '–' : figure(system.validationScore),
      describeChosen(system),
      count(Math.round(system.parameters)),
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

/** The different choices of the seeds. */
function describeChosen({ chosen }: SystemSummary): string {
  return [...new Set(chosen.map((choice) => describe(choice)))].join('; ') || '–';
}

function describe(choice: unknown): string {
  if (typeof choice !== 'object' || choice === null) return String(choice);
  return Object.entries(choice)
    .map(([name, value]) => (typeof value === 'object' ? `${name}: ${describe(value)}` : `${name} ${value}`))
    .join(', ');
}

/** Trainings that are not in the table. */
export function describeDiverged({ diverged }: BenchmarkTable): string[] {
  return diverged.map(({ system, seed, message }) => `Not in the table: ${system}, seed ${seed}. ${message}`);
}

/** The whole table as Markdown. */
export function renderMarkdown(table: BenchmarkTable): string {
  const { data, tasks, rules, mainCutoff } = table;
  return [
    `# Benchmark ${table.id}`,
    `${count(data.users)} users, ${count(data.items)} items, ${count(data.interactions)} interactions; data ${data.id}.`,
    rules.map((rule) => `- ${rule}`).join('\n'),
    ...tasks.flatMap((task) => [
      `## ${taskTitles[task]} (${count(table.systems[0]!.tasks[task]!.users)} users)`,
      renderGrid(qualityGrid(table, task)),
    ]),
    `± is half of the 95 % t interval of the mean over seeds; without it a system was run once. The last column is the 95 % bootstrap interval over users of the figure at ${mainCutoff}, each user's mean over seeds.`,
    ...renderCold(table),
    ...describeDiverged(table),
    '## Cost and interests',
    renderGrid(costGrid(table)),
    'Tuning is choosing settings (classic systems) or the number of epochs (towers) on validation; training is the fit that is tested, validation included in its data. Seconds are means over seeds.',
    '## Settings',
    ...table.systems.map(({ name, settings }) => `- ${name}: \`${JSON.stringify(settings)}\``),
  ].join('\n\n');
}

function renderCold(table: BenchmarkTable): string[] {
  const grid = coldGrid(table);
  if (grid === undefined) return [];
  const users = table.systems.find(({ cold }) => cold !== undefined)!.cold!.users;
  return [
    `## Cold items (${count(users)} users)`,
    'Items that nobody chose before the cut, asked of those who went on to choose one; every item of the catalog is ranked, such items by their side features. n/a: a system that knows an item by its interactions only.',
    renderGrid(grid),
  ];
}

/** The curves of a sweep: what validation says, what it chooses, and the test. */
function renderSweep(sweep: SweepResult, table: BenchmarkTable): string {
  const [task = 'new'] = table.tasks;
  const rows = sweep.curves.flatMap(({ system, points, chosen }) =>
    points.map(({ value, validationScore, summary }) => {
      const main = summary.tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === table.mainCutoff)!;
      const isChosen = value === chosen ? ' (chosen)' : '';
      return [system, `${String(value)}${isChosen}`, figure(validationScore), figure(main.hitRate), figure(main.ndcg)];
    }),
  );
  const { choice, mainCutoff } = table;
  const head = ['System', sweep.name, `Validation ${choice}`, `Test HR@${mainCutoff}`, `Test NDCG@${mainCutoff}`];
  return [`## Sweep of ${sweep.name}`, `![${sweep.name}](${sweepFile(sweep)})`, renderGrid({ head, rows })].join(
    '\n\n',
  );
}

function sweepFile({ name }: SweepResult): string {
  return `sweep-${name}.svg`;
}

/** Writes a table, with its sweeps and their curves, into a folder named by its id. @returns the folder */
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
    `${JSON.stringify({ ...table, ...(sweeps.length === 0 ? {} : { sweeps }) }, null, 2)}\n`,
  ]);
  return folder;
}

export function renderGrid({ head, rows }: Grid): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function figure({ mean, halfWidth }: SeedInterval): string {
  return halfWidth === undefined ? short(mean) : `${short(mean)} ± ${short(halfWidth)}`;
}

function short(value: number): string {
  return value.toFixed(4);
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
