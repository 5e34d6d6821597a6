import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder, startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { withLoadGenerator } from '../load/load.ts';
import type { LoadGenerator } from '../load/load.ts';
import { requestBodies } from './world.ts';
import type { World } from './world.ts';

/** The serving app with default settings and the current bundle of a world. */
export interface ServingProcess extends FacetProcess {
  readonly key: string;
}

/**
 * Starts serving with the first bundle of a world and a load generator, calls `work`, and stops both.
 *
 * @param options.limit Number of items per response.
 * @param options.processes Number of serving processes. Default: that of the serving app.
 */
export async function withServing(
  world: World,
  { limit, processes }: { readonly limit: number; readonly processes?: number | undefined },
  work: (serving: ServingProcess, generator: LoadGenerator) => Promise<void>,
): Promise<void> {
  await world.store.promote(world.bundles[0]!);
  const { path: folder } = await createScratchFolder('bench-serving');
  const key = createApiKey();
  await addApiKey(join(folder, 'keys.yaml'), { name: 'bench', scopes: ['serve', 'admin'], sha256: hashApiKey(key) });
  // Anonymous requests record no exposures by default, and recording costs time as well.
  await writeFile(join(folder, 'facet.yaml'), 'exposures: { recordStateless: true }\n');
  await symlink(world.artifactsFolder, join(folder, 'artifacts'));
  const serving = await startFacetProcess({
    app: 'serving',
    env: {
      FACET_HOME: folder,
      FACET_CONFIG: join(folder, 'facet.yaml'),
      FACET_LOG_LEVEL: 'warn',
      ...(processes === undefined ? {} : { FACET_PROCESSES: String(processes) }),
    },
    readySeconds: 300,
  });
  try {
    const target = { url: serving.url, path: '/v1/recommendations', key, bodies: requestBodies(world, limit) };
    await withLoadGenerator(target, (generator) => work(Object.assign(serving, { key }), generator));
  } finally {
    await serving.stop();
  }
}
