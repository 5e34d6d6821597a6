import type { CommandContext } from '../command-context.ts';
import { openPipeline } from '../pipeline-context.ts';
import { runImport } from '../run-stages.ts';
import { renderRefusals } from '../terminal/refusals.ts';
import { sourceFiles } from './files.ts';
import type { FileOptions } from './files.ts';
import { facet } from '../invocation.ts';

/** `facet import`: files into the log, the lake and the catalog of a home. */
export async function importCommand(options: FileOptions, context: CommandContext): Promise<void> {
  const pipeline = await openPipeline(options);
  const result = await runImport(sourceFiles(options), pipeline, context);
  const { output } = context;
  const refusals = renderRefusals(result.report);
  if (refusals !== '') output.show(refusals);
  output.show(`Imported into ${options.home}. Next: ${facet} train --home ${options.home}`);
  output.document({
    home: options.home,
    imported: result.imported,
    offsets: result.offsets,
    sources: result.sources,
    report: result.report,
  });
}
