import { homePaths } from '@facet/config/home-paths';
import { renderValidationReport, validateFiles as checkFiles } from '@facet/import';
import { dayHealth, newestLakeDays, renderDayHealth, storeDayHealth } from '@facet/lake';
import type { DayHealth } from '@facet/lake';
import { AppError } from '@facet/platform';
import { Option } from 'commander';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addFiles, addHome, addNotes, parseDate, parseDays, requireEvents } from '../options.ts';
import type { Register } from '../options.ts';
import { readConfig, sourceFiles } from '../stages.ts';
import type { FileOptions } from '../stages.ts';

type ValidateOptions = LakeOptions & Partial<FileOptions>;

interface LakeOptions extends CommonOptions {
  /** `YYYY-MM-DD` */
  readonly day?: string;
  readonly days?: number;
}

const daysDefault = 7;

export const registerValidate: Register = (command, deps) => {
  requireEvents(addFiles(addHome(command, deps), { fallback: 'the lake' }))
    .addOption(
      new Option('--day <date>', 'check this day of the lake').argParser(parseDate).conflicts(['events', 'days']),
    )
    .addOption(
      new Option('--days <number>', `check the newest days with events (default: ${daysDefault})`)
        .argParser(parseDays)
        .conflicts('events'),
    );
  addNotes(
    command,
    `With --events, reports what an import would read, and writes nothing. Without, checks days of the lake, stores the reports in
<home>/health, and exits with 3 if a day is bad.`,
    'facet validate --events orders.csv',
    'facet validate --home .facet/shop --day 2011-10-01',
    'facet validate --days 30 --json',
  ).action(
    deps.action<[ValidateOptions]>(({ events, ...options }, context) =>
      events === undefined ? validateLake(options, context) : validateFiles({ ...options, events }, context),
    ),
  );
};

async function validateFiles(options: FileOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const { mapping, eventTypes } = await readConfig(options);
  const stage = context.progress.stage('validate');
  const report = await checkFiles(sourceFiles(options), {
    mapping,
    types: eventTypes,
    signal,
    onProgress: ({ stage: kind, doneBytes, totalBytes }) => stage.update(doneBytes / Math.max(1, totalBytes), kind),
  }).finally(() => stage.failed());
  output.show(renderValidationReport(report).trimEnd());
  output.document(report);
  if (report.events.accepted === 0) {
    throw new AppError('The files contain no usable event.', {
      code: 'EVENTS_NOTHING_USABLE',
      category: 'input',
      remedy: 'Fix the problems of the report above, or map the columns in facet.yaml.',
    });
  }
}

async function validateLake(options: LakeOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal } = context;
  const { lakeFolder, catalogFolder, healthFolder } = homePaths(options.home);
  const { dataHealth } = await readConfig(options);
  const days =
    options.day === undefined ? await newestLakeDays(lakeFolder, options.days ?? daysDefault) : [options.day];
  if (days.length === 0) {
    throw new AppError(`The lake of ${options.home} has no events.`, {
      code: 'EVENTS_NONE',
      category: 'input',
      remedy: `Import events with: ${facet} import --home ${options.home} --events FILE. Or check files with --events.`,
    });
  }
  const checked: DayHealth[] = [];
  const stage = progress.stage('validate');
  try {
    for (const [index, day] of days.entries()) {
      signal.throwIfAborted();
      stage.update(index / days.length, day);
      const health = await dayHealth(lakeFolder, catalogFolder, day, { bounds: dataHealth });
      await storeDayHealth(healthFolder, health);
      checked.push(health);
    }
  } finally {
    stage.failed();
  }
  output.show(checked.map(renderDayHealth).join('\n\n').trimEnd());
  output.document({ days: checked });
  const bad = checked.filter(({ verdict }) => verdict === 'bad').map(({ day }) => day);
  if (bad.length > 0) {
    throw new AppError(`${bad.length === 1 ? 'A day is' : `${bad.length} days are`} bad: ${bad.join(', ')}.`, {
      code: 'EVENTS_DAY_BAD',
      category: 'input',
      remedy: 'See the reasons in the report above. The bounds are in facet.yaml, section dataHealth.',
    });
  }
}
