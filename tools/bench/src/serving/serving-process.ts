import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';

/** The serving app with default settings and the current bundle of a store. */
export interface ServingProcess extends FacetProcess {
  readonly url: string;
  readonly key: string;
}

export async function startServing(options: {
  /** Folder of the API keys and of facet.yaml. */
  readonly folder: string;
  readonly artifactsFolder: string;
  readonly processes?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<ServingProcess> {
  const { folder, artifactsFolder, processes, env } = options;
  const key = createApiKey();
  await addApiKey(join(folder, 'keys.yaml'), { name: 'bench', scopes: ['serve', 'admin'], sha256: hashApiKey(key) });
  // Anonymous requests record no exposures by default, and recording costs time as well.
  await writeFile(join(folder, 'facet.yaml'), 'exposures: { recordStateless: true }\n');
  await symlink(artifactsFolder, join(folder, 'artifacts'));
  const started = await startFacetProcess({
    app: 'serving',
    env: {
      FACET_HOME: folder,
      FACET_CONFIG: join(folder, 'facet.yaml'),
      FACET_LOG_LEVEL: 'warn',
      ...(processes === undefined ? {} : { FACET_PROCESSES: String(processes) }),
      ...env,
    },
    readySeconds: 300,
  });
  return Object.assign(started, { key });
}
