import { fileURLToPath } from 'node:url';
import type { ReadBounds, ValidationReport } from '@facet/import';
import type { ColumnMapping } from '@facet/import/mapping';
import { AppError, runChild } from '@facet/platform';
import type { ChildDeath } from '@facet/platform';

/** The kinds of rows in a file. */
export const kinds = ['events', 'items', 'users'] as const;

export interface ValidationRules {
  /** Section `mapping` of facet.yaml. */
  readonly mapping: ColumnMapping | undefined;
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
  /** The rule `interactions.positives`. */
  readonly positives: string;
}

/** The task of a validation process. */
export interface ValidationTask extends ValidationRules {
  readonly path: string;
  readonly kind: (typeof kinds)[number];
  readonly bounds: ReadBounds;
  readonly reportBytesMax: number;
}

/** Eight times the largest upload. Text compresses to a fifth. */
const bounds: ReadBounds = {
  rowsMax: 5_000_000,
  bytesMax: 512 << 20,
  duckDb: { memoryLimit: '512MB', threads: 1 },
};
/** The report is parsed and written by the sink. Reports of real files have some kilobytes. */
const reportBytesMax = 1 << 20;
/** The heap contains the distinct users and items. */
const heapMegabytesMax = 1_024;
const memoryBytesMax = 2 * 2 ** 30;

/**
 * Reads a file as an import does, in a child process with limited memory. A crash ends only the validation.
 *
 * @param order.folder for the temporary files of DuckDB, which a killed process leaves behind.
 * @throws AppError as `validateFiles`; `VALIDATION_FAILED`; `VALIDATION_CRASHED`; the reason of the signal.
 */
export async function validateFile(
  { folder, ...order }: ValidationRules & Pick<ValidationTask, 'path' | 'kind'> & { readonly folder: string },
  signal: AbortSignal,
): Promise<ValidationReport> {
  const task: ValidationTask = { ...order, bounds, reportBytesMax };
  return runChild(fileURLToPath(import.meta.resolve('@facet/collector/validation')), task, {
    signal,
    execArgv: [`--max-old-space-size=${heapMegabytesMax}`],
    env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'], TMPDIR: folder },
    memoryBytesMax,
    describeDeath: describeCrash,
  });
}

const outOfMemory = /allocation failed|out of memory|bad_alloc/i;

/** If memory runs out, Linux kills a process with SIGKILL, and V8 aborts it with SIGABRT. */
function describeCrash({ cause, lastLine, stderr }: ChildDeath): AppError {
  const message = `The validation ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`;
  if (['SIGKILL', 'SIGABRT'].includes(cause) || outOfMemory.test(stderr)) {
    return new AppError(message, {
      code: 'VALIDATION_FAILED',
      category: 'input',
      remedy: 'The file needs too much memory or is damaged. Run facet validate.',
    });
  }
  return new AppError(message, {
    code: 'VALIDATION_CRASHED',
    category: 'crashed',
    remedy: 'Repeat the request, or run facet validate.',
  });
}
