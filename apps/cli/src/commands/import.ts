import { checkFacetConfig } from '@facet/config';
import { describeProblem } from '@facet/platform';
import { facet } from '../command-context.ts';
import type { CommandContext } from '../command-context.ts';
import { chooseConfigFile } from '../home.ts';
import { addFiles, addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { addReading, checkRefusedShare, withRefusedFile, withSourceFiles } from '../source-files.ts';
import type { FileOptions } from '../source-files.ts';
import { openPipeline, runImport, showReport } from '../stages.ts';

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
  const { imported, offsets, sources, report } = await withSourceFiles(options, async (files) => {
    await checkRefusedShare(files, options, pipeline.config, context.signal);
    return withRefusedFile(options, files, (onRefused) => runImport(files, pipeline, context, onRefused));
  });
  if (!imported) output.show('These files were imported before, so nothing was written.');
  showReport(output, report);
  const configFile = await chooseConfigFile(options);
  const { warnings } = await checkFacetConfig(configFile, pipeline.home);
  for (const warning of warnings) output.show(`${configFile}: ${describeProblem(warning)}.`);
  output.show(`Imported into ${options.home}. Next: ${facet} train --home ${options.home}`);
  output.document({ home: options.home, imported, offsets, sources, report });
}
