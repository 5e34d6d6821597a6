import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLoadGenerator } from '../load/load-generator.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import { startServing } from './serving-process.ts';
import type { ServingProcess } from './serving-process.ts';
import { requestBodies } from './world.ts';
import type { World } from './world.ts';

export interface AskWorldOptions {
  /** Items that a request asks for. */
  readonly limit: number;
  /** Of serving; what it does by default if absent. A number as text, as a command line has it. */
  readonly processes?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** For as long as `work` lasts, serving answers from the first bundle of a world, and a generator asks what its users ask. */
export async function askWorld(
  world: World,
  { limit, processes, env = {} }: AskWorldOptions,
  work: (serving: ServingProcess, generator: LoadGenerator) => Promise<void>,
): Promise<void> {
  await world.store.promote(world.bundles[0]!);
  const folder = await mkdtemp(join(tmpdir(), 'facet-bench-serving-'));
  try {
    const serving = await startServing({
      folder,
      artifactsFolder: world.artifactsFolder,
      env,
      ...(processes === undefined ? {} : { processes: Number(processes) }),
    });
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
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
