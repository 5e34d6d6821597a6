import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createStageContext, homePaths, readFacetConfig } from '@facet/pipeline';
import type { FacetConfig, StageContext } from '@facet/pipeline';
import { AppError } from '@facet/platform';
import type { CommonOptions } from './command-context.ts';

const defaultConfig = 'facet.yaml';

/** The configuration that `--config` names, or `facet.yaml`, or the defaults where there is none. */
export async function readConfig({ config }: Pick<CommonOptions, 'config'>): Promise<FacetConfig> {
  if (config !== undefined) {
    await access(config).catch((error: unknown) => {
      throw new AppError(`There is no configuration file ${config}.`, {
        code: 'CONFIG_UNREADABLE',
        remedy: 'Correct --config, or leave it out for the defaults.',
        cause: error,
      });
    });
  }
  return readFacetConfig(config ?? defaultConfig);
}

/** What the stages work with, for these options. */
export async function openPipeline(options: Pick<CommonOptions, 'home' | 'config'>): Promise<StageContext> {
  return createStageContext(homePaths(resolve(options.home)), await readConfig(options));
}
