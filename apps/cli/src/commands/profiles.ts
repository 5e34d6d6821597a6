import type { CommandContext, CommonOptions } from '../command-context.ts';
import { refuseWhileSinksRun, withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { addHome, addKafka, addNotes, addRedis, addSubcommand, usageError } from '../options.ts';
import type { Register } from '../options.ts';
import { rebuildStoredProfiles } from '../profile-store.ts';

interface RebuildOptions extends CommonOptions, KafkaOptions {
  readonly redis?: string;
}

export const registerProfiles: Register = (command, deps) => {
  addNotes(
    addRedis(
      addKafka(addHome(addSubcommand(command, 'rebuild', 'Rebuild all profiles from the lake and the catalog'), deps)),
    ),
    'Needed after a change of interactions.positives in facet.yaml. Stop every sink first; serving may run.',
    'facet profiles rebuild --redis redis://127.0.0.1:6379',
  ).action(deps.action(rebuild));
};

async function rebuild(options: RebuildOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const redis = options.redis ?? environment.redisUrl;
  if (redis === undefined) {
    throw usageError(
      'The command needs the URL of the profile store.',
      'Add --redis redis://HOST:6379, or set FACET_REDIS_URL.',
    );
  }
  // A rebuild would remove positives that a running sink has applied to the profiles and not yet stored in the lake.
  if ((options.brokers ?? environment.kafkaBrokers) !== undefined) {
    await withKafka(options, context, async (kafka) => refuseWhileSinksRun(kafka, options, context));
  }
  const result = await rebuildStoredProfiles({ ...options, redis }, context);
  output.document({ home: options.home, ...result });
}
