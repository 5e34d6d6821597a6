import { renderValidationReport, validateFiles } from '@facet/import';
import { AppError } from '@facet/platform';
import type { CommandContext } from '../command-context.ts';
import { readConfig } from '../pipeline-context.ts';
import { sourceFiles } from './files.ts';
import type { FileOptions } from './files.ts';

/** `facet validate`: what an import would find in files; nothing is written. */
export async function validateCommand(options: FileOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const { mapping, eventTypes } = await readConfig(options);
  const stage = context.progress.stage('validate');
  const report = await validateFiles(sourceFiles(options), {
    mapping,
    types: eventTypes,
    signal,
    onProgress: ({ stage: kind, doneBytes, totalBytes }) => stage.update(doneBytes / Math.max(1, totalBytes), kind),
  }).finally(() => stage.failed());
  output.show(renderValidationReport(report).trimEnd());
  output.document(report);
  if (report.events.accepted === 0) {
    throw new AppError('No event in these files can be used.', {
      code: 'EVENTS_NOTHING_USABLE',
      category: 'input',
      remedy: 'The refused lines above say why; correct the files, or map their columns in facet.yaml.',
    });
  }
}
