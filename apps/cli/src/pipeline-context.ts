import { resolve } from 'node:path';
import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext } from '@facet/pipeline';
import type { FacetConfig } from '@facet/config';
import type { StageContext } from '@facet/pipeline';
import type { CommonOptions } from './command-context.ts';
import { chooseConfigFile } from './config-file.ts';

/** The configuration that `--config` names, or `facet.yaml`, or the defaults where there is none. */
export async function readConfig(options: Pick<CommonOptions, 'config'>): Promise<FacetConfig> {
  return readFacetConfig(await chooseConfigFile(options));
}

/** What the stages work with, for these options. */
export async function openPipeline(options: Pick<CommonOptions, 'home' | 'config'>): Promise<StageContext> {
  return createStageContext(homePaths(resolve(options.home)), await readConfig(options));
}
