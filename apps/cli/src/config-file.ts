import { access } from 'node:fs/promises';
import { AppError } from '@facet/platform';
import type { CommonOptions } from './command-context.ts';

const defaultFile = 'facet.yaml';

/**
 * The file that `--config` names, else `facet.yaml`, be it there or not.
 *
 * @throws AppError `CONFIG_UNREADABLE` when a file that was named is not there.
 */
export async function chooseConfigFile({ config }: Pick<CommonOptions, 'config'>): Promise<string> {
  if (config === undefined) return defaultFile;
  await access(config).catch((error: unknown) => {
    throw new AppError(`There is no configuration file ${config}.`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Correct --config, or leave it out for the defaults.',
      cause: error,
    });
  });
  return config;
}
