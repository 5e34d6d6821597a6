import { homePaths } from '@facet/config/home-paths';
import { claimStore, ensureInstallation } from '@facet/config/installation';
import { parseRedisFiles } from '@facet/config/connections';
import { parsePositiveRule } from '@facet/features';
import { openRedisProfileStore, rebuildProfiles } from '@facet/profiles';
import type { RebuildResult, RedisProfileStore } from '@facet/profiles';
import type { CommandContext, CommonOptions } from './command.ts';
import { readChosenConfig } from './stages.ts';
import { countOf } from './terminal/text.ts';

/**
 * Connects to the profile store with the limits of facet.yaml, calls `command`, and closes the connection.
 *
 * @throws AppError `PROFILES_URL_INVALID`, `PROFILES_UNREACHABLE`.
 */
export async function withProfileStore<Result>(
  options: Pick<CommonOptions, 'config'> & { readonly redis: string },
  { environment }: Pick<CommandContext, 'environment'>,
  command: (store: RedisProfileStore) => Promise<Result>,
): Promise<Result> {
  const { profiles } = await readChosenConfig(options);
  const files = parseRedisFiles('FACET_REDIS', environment.inherited, options.redis);
  const store = await openRedisProfileStore({ ...files, url: options.redis, ...profiles });
  try {
    return await command(store);
  } finally {
    await store.close();
  }
}

/**
 * Replaces all profiles with those computed from the lake and the catalog. No sink may be running.
 *
 * @throws AppError `INSTALLATION_DIFFERS` if the store belongs to another home; as {@link withProfileStore}
 */
export async function rebuildStoredProfiles(
  options: CommonOptions & { readonly redis: string },
  context: CommandContext,
): Promise<RebuildResult> {
  const { output, progress } = context;
  const { interactions } = await readChosenConfig(options);
  return progress.run('profiles', '', async (stage) => {
    const home = homePaths(options.home);
    const result = await withProfileStore(options, context, async (store) => {
      await claimStore(await ensureInstallation(home), store.installation);
      return rebuildProfiles(store, home, { isPositive: parsePositiveRule(interactions.positives) });
    });
    stage.done(countOf(result.replaced, 'profile'));
    output.show(`${countOf(result.replaced, 'profile')} rebuilt from the lake, ${result.removed} stale ones removed.`);
    return result;
  });
}
