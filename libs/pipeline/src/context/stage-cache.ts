import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, writeFileAtomically } from '@facet/platform';

/** What a finished stage leaves behind. */
export interface StageResult<Output> {
  readonly output: Output;
  /** True when an earlier run with the same inputs had already finished. */
  readonly reused: boolean;
}

/**
 * Makes a part of a stage's work that would come out differently a second time, such as a time that is measured: once for
 * the stage's inputs. It is kept beside the stage's output, small and JSON, so that a stage that was killed and is run
 * again goes on with the same part. Of two processes that make it, the first one's counts for both.
 */
export type MakeOnce = <Part>(name: string, make: () => Promise<Part>) => Promise<Part>;

/**
 * Runs a stage once for the same inputs: its output (small and JSON; big things are artifacts named by it) is kept under
 * the hash of the inputs. A run that died left no output and is done again. `isUsable` may refuse a kept output whose
 * artifact is gone.
 *
 * @param inputs JSON that names everything the stage depends on: settings, ids of artifacts, hashes of files.
 */
export async function runCachedStage<Output>(options: {
  readonly folder: string;
  readonly name: string;
  readonly inputs: unknown;
  readonly run: (once: MakeOnce) => Promise<Output>;
  readonly isUsable?: (output: Output) => Promise<boolean>;
}): Promise<StageResult<Output>> {
  const hash = hashJson(options.inputs);
  const path = join(options.folder, `${options.name}-${hash}.json`);
  const kept = await readKept<Output>(path);
  if (kept !== undefined && ((await options.isUsable?.(kept)) ?? true)) return { output: kept, reused: true };
  await mkdir(options.folder, { recursive: true });
  const output = await options.run((part, make) =>
    makeOnce(join(options.folder, `${options.name}-${hash}.${part}.json`), make),
  );
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

async function makeOnce<Part>(path: string, make: () => Promise<Part>): Promise<Part> {
  const kept = await readKept<Part>(path);
  if (kept !== undefined) return kept;
  const part = await make();
  if (await createFileAtomically(path, [JSON.stringify(part)])) return part;
  const others = await readKept<Part>(path);
  if (others !== undefined) return others;
  // It is there and cannot be read: of a disk that lost it, not of a writer.
  await writeFileAtomically(path, [JSON.stringify(part)]);
  return part;
}

/** The kept output, or undefined where there is none that can be read. */
async function readKept<Output>(path: string): Promise<Output | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Output;
  } catch {
    return undefined;
  }
}
