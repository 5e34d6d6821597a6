import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ItemsVersion } from '@facet/lake';
import { readJsonIfIntact, writeFileAtomically } from '@facet/platform';

/** The inputs of the last comparison, so that the next one can skip unchanged items. */
export interface DeltaMemo {
  readonly bundleId: string;
  readonly catalog: ItemsVersion;
  readonly deltaId: string | null;
  readonly lakeVersion: number;
  /** Whether new interactions can change the delta. */
  readonly awaitsInteractions: boolean;
}

/** Increase this when the same inputs give another delta. */
const version = 7;

const memoName = 'delta.json';

/** Returns the inputs of the last comparison; undefined if this version has not compared yet. */
export async function readDeltaMemo(stagesFolder: string): Promise<DeltaMemo | undefined> {
  const memo = await readJsonIfIntact<DeltaMemo & { readonly version: number }>(join(stagesFolder, memoName));
  return memo?.version === version ? memo : undefined;
}

export async function writeDeltaMemo(stagesFolder: string, memo: DeltaMemo): Promise<void> {
  await mkdir(stagesFolder, { recursive: true });
  await writeFileAtomically(join(stagesFolder, memoName), [`${JSON.stringify({ version, ...memo })}\n`]);
}
