import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@facet/platform';

/** What a finished stage leaves behind. */
export interface StageResult<Output> {
  readonly output: Output;
  /** True when an earlier run with the same inputs had already finished. */
  readonly reused: boolean;
}

/**
 * Runs a stage once for the same inputs: its output (small and JSON; big things are artifacts named by it) is kept under
 * the hash of the inputs. A run that died left no output and is done again. `isUsable` may refuse a kept output whose
 * artifact is gone.
 *
 * @param inputs JSON that names everything the stage depends on: settings, ids of artifacts, hashes of files.
 */
export async function runStage<Output>(options: {
  readonly folder: string;
  readonly name: string;
  readonly inputs: unknown;
  readonly run: () => Promise<Output>;
  readonly isUsable?: (output: Output) => Promise<boolean>;
}): Promise<StageResult<Output>> {
  const hash = hashJson(options.inputs);
  const path = join(options.folder, `${options.name}-${hash}.json`);
  const kept = await readKept<Output>(path);
  if (kept !== undefined && ((await options.isUsable?.(kept)) ?? true)) return { output: kept, reused: true };
  const output = await options.run();
  await mkdir(options.folder, { recursive: true });
  await writeFileAtomically(path, [JSON.stringify(output)]);
  return { output, reused: false };
}

/** A short hash of JSON whose keys' order does not matter. */
export function hashJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex').slice(0, 24);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The kept output, or undefined where there is none that can be read. */
async function readKept<Output>(path: string): Promise<Output | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Output;
  } catch {
    return undefined;
  }
}
