import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { refuseWhileSinksRun, withLog } from '../kafka-log.ts';
import type { LogOptions } from '../kafka-log.ts';
import { rebuildStoredProfiles } from '../stored-profiles.ts';

export interface RebuildProfilesOptions extends CommonOptions, LogOptions {
  readonly home: string;
  readonly redis?: string;
}

/** `facet profiles rebuild`: the profile store as the lake and the catalog give it. */
export async function rebuildProfilesCommand(options: RebuildProfilesOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const redis = options.redis ?? environment.redisUrl;
  if (redis === undefined) {
    throw new AppError('It is not said where the profiles are.', {
      code: 'CLI_USAGE',
      category: 'usage',
      remedy: 'Give --redis redis://HOST:6379, or set FACET_REDIS_URL.',
    });
  }
  // What a sink has applied and not stored yet would be taken for something that the lake does not give.
  if (options.brokers !== undefined || environment.hasKafka) {
    await withLog(options, context, async (kafka) => refuseWhileSinksRun(kafka, options, context));
  }
  const result = await rebuildStoredProfiles({ ...options, redis }, context);
  output.document({ home: options.home, ...result });
}
