import { facet } from '../command-context.ts';
import type { CommandContext } from '../command-context.ts';
import { addFiles, addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { openPipeline, renderRefusals, runImport, sourceFiles } from '../stages.ts';
import type { FileOptions } from '../stages.ts';

export const registerImport: Register = (command, deps) => {
  addNotes(
    addHome(addFiles(command, { isRequired: true }), deps),
    '',
    'facet import --events orders.csv --items products.csv',
    'facet import --events a.jsonl b.parquet',
  ).action(deps.action(importFiles));
};

async function importFiles(options: FileOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const { imported, offsets, sources, report } = await runImport(
    sourceFiles(options),
    await openPipeline(options),
    context,
  );
  const refusals = renderRefusals(report);
  if (refusals !== '') output.show(refusals);
  output.show(`Imported into ${options.home}. Next: ${facet} train --home ${options.home}`);
  output.document({ home: options.home, imported, offsets, sources, report });
}
