import { homePaths } from '@facet/config/home-paths';
import { parsePositiveRule } from '@facet/features';
import { openRedisProfileStore, rebuildProfiles } from '@facet/profiles';
import type { RebuildResult, RedisProfileStore } from '@facet/profiles';
import type { CommandContext, CommonOptions } from './command-context.ts';
import { readConfig } from './pipeline-context.ts';
import { countOf } from './terminal/text.ts';

/** Runs `command` with the profile store at a URL, bounded as facet.yaml says. @throws AppError `PROFILES_URL_INVALID`, `PROFILES_UNREACHABLE`. */
export async function withProfileStore<Result>(
  options: Pick<CommonOptions, 'config'> & { readonly redis: string },
  command: (store: RedisProfileStore) => Promise<Result>,
): Promise<Result> {
  const { profiles } = await readConfig(options);
  const store = await openRedisProfileStore({ url: options.redis, ...profiles });
  try {
    return await command(store);
  } finally {
    await store.close();
  }
}

/** Makes the store hold what the lake and the catalog of a home give, and nothing else; no sink may be at work. */
export async function rebuildStoredProfiles(
  options: CommonOptions & { readonly redis: string },
  { output, progress }: CommandContext,
): Promise<RebuildResult> {
  const { interactions } = await readConfig(options);
  const stage = progress.stage('profiles');
  try {
    const result = await withProfileStore(options, async (store) =>
      rebuildProfiles(store, homePaths(options.home), {
        isPositive: parsePositiveRule(interactions.positives),
      }),
    );
    stage.done(countOf(result.replaced, 'profile'));
    output.show(
      `${countOf(result.replaced, 'profile')} made from the lake, ${result.removed} that it does not give removed.`,
    );
    return result;
  } catch (error) {
    stage.failed();
    throw error;
  }
}
