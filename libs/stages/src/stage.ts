import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { FacetConfig, HomePaths } from '@facet/config';
import { createFileAtomically, readJsonIfIntact, writeFileAtomically } from '@facet/platform';
import type { StageProgress, StageResult } from '@facet/runs';

/** The callback and the signal of a running stage. */
export interface StageWatch {
  readonly onProgress?: ((progress: StageProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes a non-deterministic part of a stage, such as a measured time, once per inputs of the stage. The part (small JSON) is
 * stored next to the output of the stage, so that a killed stage continues with the same part. If two processes compute it, both use
 * the part that is stored first.
 */
export type ComputeOnce = <Part>(name: string, make: () => Promise<Part>) => Promise<Part>;

/** Where the output of a stage is stored. */
export interface CachedStage<Output> {
  readonly folder: string;
  readonly name: string;
  /** JSON with everything the stage depends on: settings, ids of artifacts, hashes of files. */
  readonly inputs: unknown;
  /** May reject a stored output whose artifact no longer exists. */
  readonly isUsable?: (output: Output) => Promise<boolean>;
}

/**
 * Runs a stage once per inputs. Stores the output (small JSON, which names artifacts) under the hash of the inputs. A crashed stage
 * has no stored output and runs again.
 */
export async function runCachedStage<Output>(
  options: CachedStage<Output> & { readonly run: (once: ComputeOnce) => Promise<Output> },
): Promise<StageResult<Output>> {
  const stored = await findStageOutput(options);
  if (stored !== undefined) return { output: stored, isReused: true };
  await mkdir(options.folder, { recursive: true });
  const output = await options.run((part, make) => computeOnce(pathOf(options, `.${part}`), make));
  await writeFileAtomically(pathOf(options), [JSON.stringify(output)]);
  return { output, isReused: false };
}

/** Returns the stored output of a stage with these inputs; undefined if there is none that is usable. */
export async function findStageOutput<Output>(stage: CachedStage<Output>): Promise<Output | undefined> {
  const stored = await readJsonIfIntact<Output>(pathOf(stage));
  return stored !== undefined && ((await stage.isUsable?.(stored)) ?? true) ? stored : undefined;
}

function pathOf({ folder, name, inputs }: Pick<CachedStage<unknown>, 'folder' | 'name' | 'inputs'>, part = ''): string {
  return join(folder, `${name}-${hashJson(inputs)}${part}.json`);
}

/** Returns a short hash of JSON that does not depend on the order of keys. */
export function hashJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex').slice(0, 24);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function computeOnce<Part>(path: string, make: () => Promise<Part>): Promise<Part> {
  const stored = await readJsonIfIntact<Part>(path);
  if (stored !== undefined) return stored;
  const part = await make();
  if (await createFileAtomically(path, [JSON.stringify(part)])) return part;
  const otherPart = await readJsonIfIntact<Part>(path);
  if (otherPart !== undefined) return otherPart;
  // Writers are atomic, so an unreadable file is a damaged one.
  await writeFileAtomically(path, [JSON.stringify(part)]);
  return part;
}

/** The data home, the settings and the artifact store that every stage works with. */
export interface StageContext {
  readonly home: HomePaths;
  readonly config: FacetConfig;
  readonly store: ArtifactStore;
}

export function createStageContext(home: HomePaths, config: FacetConfig): StageContext {
  return { home, config, store: openArtifactStore(home.artifactsFolder) };
}
