import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder } from '@facet/local-services';
import { startLoadGenerator } from '../load/load-generator.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import { startServing } from './serving-process.ts';
import type { ServingProcess } from './serving-process.ts';
import { requestBodies } from './world.ts';
import type { World } from './world.ts';

export interface ServingOptions {
  /** Number of items per response. */
  readonly limit: number;
  /** Number of serving processes. Default: that of the serving app. */
  readonly processes?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts serving with the first bundle of a world and a load generator, calls `work`, and stops both. */
export async function withServing(
  world: World,
  { limit, processes, env = {} }: ServingOptions,
  work: (serving: ServingProcess, generator: LoadGenerator) => Promise<void>,
): Promise<void> {
  await world.store.promote(world.bundles[0]!);
  const { path: folder } = await createScratchFolder('bench-serving');
  const serving = await startServing({ folder, artifactsFolder: world.artifactsFolder, processes, env });
  try {
    const bodiesFile = join(folder, 'bodies.json');
    await writeFile(bodiesFile, JSON.stringify(requestBodies(world, limit)));
    const { url, key } = serving;
    const generator = await startLoadGenerator({ url, path: '/v1/recommendations', key, bodiesFile });
    try {
      await work(serving, generator);
    } finally {
      generator.stop();
    }
  } finally {
    await serving.stop();
  }
}
