import { checkFacetConfig } from '@facet/config';
import { homePaths } from '@facet/config/home-paths';
import { explainPositiveRule } from '@facet/features';
import { fileKinds, renderValidationReport, validateFiles as checkFiles } from '@facet/import';
import type { ValidationReport } from '@facet/import';
import { dayHealth, newestLakeDays, renderDayHealth, storeDayHealth } from '@facet/lake';
import type { DayHealth } from '@facet/lake';
import { AppError, describeConfigProblem } from '@facet/platform';
import { Option } from 'commander';
import { addFiles, addHome, addNotes, facet, parseDate, parseDays } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { chooseConfigFile } from '../home.ts';
import { addReading, checkRefusedShare, refuseShareAbove, withSourceFiles } from '../source-files.ts';
import type { FileOptions } from '../source-files.ts';
import { openPipeline, readChosenConfig, runImport, showReport } from '../stages.ts';
import { formatBytes, formatCount } from '../terminal/text.ts';

export const registerImport: Register = (command, deps) => {
  addNotes(
    addReading(addHome(addFiles(command), deps)),
    `Each of --events, --items and --users takes files, folders, patterns in quotes, and - for standard input. With --max-refused, the
files are read twice, and nothing is written when too many rows are refused.`,
    'facet import --events orders.csv --items products.csv',
    "facet import --events 'orders-2026-*.csv.gz' --max-refused 1% --refused refused.jsonl",
    'facet import --items products.csv',
    'gunzip -c orders.gz | facet import --events - --format csv',
  ).action(
    deps.action<[FileOptions]>(async (options, context) => {
      if ((options.events ?? options.items ?? options.users) === undefined) {
        command.error('error: name files with --events, --items or --users');
      }
      await importFiles(options, context);
    }),
  );
};

async function importFiles(options: FileOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const pipeline = await openPipeline(options);
  const { imported, offsets, sources, report } = await withSourceFiles(options, async (files, onRefused) => {
    await checkRefusedShare(files, options, pipeline.config, context.signal);
    return runImport(files, pipeline, context, onRefused);
  });
  if (!imported) output.show('These files were imported before, so nothing was written.');
  showReport(output, report);
  const configFile = await chooseConfigFile(options);
  const { warnings } = await checkFacetConfig(configFile, pipeline.home);
  for (const warning of warnings) output.show(`${configFile}: ${describeConfigProblem(warning)}.`);
  output.show(`Imported into ${options.home}. Next: ${facet} train --home ${options.home}`);
  output.document({ home: options.home, imported, offsets, sources, report });
}

type ValidateOptions = LakeOptions & FileOptions;

interface LakeOptions extends CommonOptions {
  /** `YYYY-MM-DD` */
  readonly day?: string;
  readonly days?: number;
}

const daysDefault = 7;

export const registerValidate: Register = (command, deps) => {
  addReading(addFiles(addHome(command, deps), { fallback: 'the lake' }))
    .addOption(
      new Option('--day <date>', 'check this day of the lake').argParser(parseDate).conflicts([...fileKinds, 'days']),
    )
    .addOption(
      new Option('--days <number>', `check the newest days with events (default: ${daysDefault})`)
        .argParser(parseDays)
        .conflicts([...fileKinds]),
    );
  addNotes(
    command,
    `With files, reports what an import would read and what the model would learn from, and writes nothing. Exits with 3 if an import
would fail or a model would learn nothing. Without files, checks days of the lake, stores the reports in <home>/health, and exits
with 3 if a day is bad.`,
    'facet validate --events orders.csv --items products.csv',
    'facet validate --events orders.csv --max-refused 5% --refused refused.jsonl',
    'facet validate --home .facet/shop --day 2011-10-01',
    'facet validate --days 30 --json',
  ).action(
    deps.action<[ValidateOptions]>((options, context) =>
      fileKinds.every((kind) => options[kind] === undefined)
        ? validateLake(options, context)
        : validateFiles(options, context),
    ),
  );
};

async function validateFiles(options: FileOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const { mapping, eventTypes, interactions } = await readChosenConfig(options);
  const { report, importError } = await context.progress.run('validate', '', async (stage) =>
    withSourceFiles(options, (files, onRefused) =>
      checkFiles(files, {
        mapping,
        types: eventTypes,
        learning: explainPositiveRule(interactions.positives),
        signal,
        onRefused,
        onProgress: ({ stage: kind, doneBytes, totalBytes, doneRows }) =>
          stage.update(
            doneBytes / Math.max(1, totalBytes),
            `${kind}, ${formatCount(doneRows)} rows, ${formatBytes(doneBytes)}`,
          ),
      }),
    ),
  );
  output.show(renderValidationReport(report).trimEnd());
  output.document(report);
  if (importError !== undefined) throw importError;
  refuseUnusable(report);
  if (options.maxRefused !== undefined) refuseShareAbove(options.maxRefused, report);
}

/** @throws AppError `EVENTS_NOTHING_USABLE` when the files would give nothing to learn from. */
function refuseUnusable({ files, events, learning }: ValidationReport): void {
  if (files.every(({ accepted }) => accepted === 0)) {
    throw new AppError('The files contain no usable row.', {
      code: 'EVENTS_NOTHING_USABLE',
      category: 'input',
      remedy: 'Fix the problems of the report above, or map the columns in facet.yaml.',
    });
  }
  if (events.accepted === 0 || learning === undefined || learning.positives.length > 0) return;
  throw new AppError(
    `No event is positive by the rule "${learning.rule}", so a model would have nothing to learn from.`,
    {
      code: 'EVENTS_NOTHING_USABLE',
      category: 'input',
      remedy: `Set interactions: { positives: ${[...new Set(learning.leftOut.map(({ type }) => type))].join(' or ')} } in facet.yaml, or change mapping.typeNames and mapping.defaultType.`,
    },
  );
}

async function validateLake(options: LakeOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal } = context;
  const { lakeFolder, catalogFolder, healthFolder } = homePaths(options.home);
  const { dataHealth } = await readChosenConfig(options);
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
  await progress.run('validate', '', async (stage) => {
    for (const [index, day] of days.entries()) {
      signal.throwIfAborted();
      stage.update(index / days.length, day);
      const health = await dayHealth(lakeFolder, catalogFolder, day, { settings: dataHealth });
      await storeDayHealth(healthFolder, health);
      checked.push(health);
    }
  });
  output.show(checked.map(renderDayHealth).join('\n\n').trimEnd());
  output.document({ days: checked });
  const bad = checked.filter(({ verdict }) => verdict === 'bad').map(({ day }) => day);
  if (bad.length > 0) {
    throw new AppError(`${bad.length === 1 ? 'A day is' : `${bad.length} days are`} bad: ${bad.join(', ')}.`, {
      code: 'EVENTS_DAY_BAD',
      category: 'input',
      remedy: 'See the reasons in the report above. dataHealth.strictness in facet.yaml decides the bounds.',
    });
  }
}
