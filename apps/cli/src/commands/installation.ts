import { homePaths } from '@facet/config/home-paths';
import { adoptInstallations, ensureInstallation, readInstallation } from '@facet/config/installation';
import { readGroupInstallations } from '@facet/kafka';
import { withQueueInstallation } from '@facet/refresh';
import type { Command } from 'commander';
import { addHome, addKafka, addNotes, addQueue, addRedis, addSubcommand, queueOf } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { groupOf, refuseWhileSinksRun, withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { withProfileStore } from '../profile-store.ts';
import { countOf } from '../terminal/text.ts';

interface InstallationOptions extends CommonOptions, KafkaOptions {
  readonly redis?: string;
  readonly queue?: string;
  readonly queuePrefix?: string;
}

export const registerInstallation: Register = (command, deps) => {
  const add = (name: string, summary: string, options?: { isDefault: boolean }): Command =>
    addQueue(addRedis(addKafka(addHome(addSubcommand(command, name, summary, options), deps))));
  add('show', 'Show the installation id of the home, of Kafka and of Redis', { isDefault: true }).action(
    deps.action(show),
  );
  addNotes(
    add('adopt', 'Give the home a new id, and write it to Kafka and Redis'),
    `Lets the home use the Kafka topics and the Redis of another home. The new id replaces the ids in Kafka, the profile store and the
queue. Name all three, by options or variables. Stop the sinks first, and restart the apps of the home afterwards. The apps of the
other home then refuse to start.`,
    'facet installation adopt --home /data/shop --brokers kafka:9092 --redis redis://redis:6379 --queue redis://redis:6379',
  ).action(deps.action(adopt));
};

interface Place {
  readonly place: string;
  readonly installationIds: readonly string[];
}

interface Places {
  readonly places: readonly Place[];
  /** The places that neither options nor environment name. */
  readonly notNamed: readonly string[];
}

/** Reads the ids in the places that options or environment name. */
async function readPlaces(options: InstallationOptions, context: CommandContext): Promise<Places> {
  const { environment } = context;
  const places: Place[] = [];
  const notNamed: string[] = [];
  const addPlace = (place: string, id: string | undefined): void => {
    places.push({ place, installationIds: id === undefined ? [] : [id] });
  };
  const brokers = options.brokers ?? environment.kafkaBrokers;
  if (brokers === undefined) notNamed.push('Kafka (--brokers)');
  else {
    const groupId = groupOf(options, context);
    const installationIds = await withKafka(options, context, async (kafka, names) =>
      readGroupInstallations(kafka, { groupId, topics: Object.values(names) }),
    );
    places.push({ place: `the consumer group ${groupId} in Kafka at ${brokers}`, installationIds });
  }
  const redis = options.redis ?? environment.redisUrl;
  if (redis === undefined) notNamed.push('the profile store (--redis)');
  else {
    await withProfileStore({ ...options, redis }, context, async (store) =>
      addPlace(store.installation.location, await store.installation.read()),
    );
  }
  const queue = queueOf(options, context);
  if (queue === undefined) notNamed.push('the queue (--queue)');
  else await withQueueInstallation(queue, async (key) => addPlace(key.location, await key.read()));
  return { places, notNamed };
}

async function show(options: InstallationOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const installation = await readInstallation(homePaths(options.home));
  const { places } = await readPlaces(options, context);
  output.document({ home: options.home, installationId: installation?.id ?? null, places });
  const home = {
    place: `the home ${options.home}`,
    installationIds: installation === undefined ? [] : [installation.id],
  };
  const rows = [home, ...places].map(({ place, installationIds }) => [place, installationIds.join(', ') || 'none yet']);
  output.table(['Place', 'Installation'], rows);
}

async function adopt(options: InstallationOptions, context: CommandContext): Promise<void> {
  const home = homePaths(options.home);
  const { places, notNamed } = await readPlaces(options, context);
  const before = await readInstallation(home);
  const others = places.filter(({ installationIds }) => installationIds.some((id) => id !== before?.id));
  const rest = notNamed.length === 0 ? '' : `\nNot named, so not compared: ${notNamed.join(', ')}.`;
  if (others.length === 0) {
    const { id } = await ensureInstallation(home);
    context.output.document({ home: options.home, installationId: id, adopted: [], notNamed });
    context.output.show(`No named place belongs to another installation.${rest}`);
    return;
  }
  if ((options.brokers ?? context.environment.kafkaBrokers) !== undefined) {
    await withKafka(options, context, (kafka) => refuseWhileSinksRun(kafka, options, context));
  }
  const ids = others.flatMap(({ installationIds }) => installationIds);
  const { id } = await adoptInstallations(home, ids);
  context.output.document({
    home: options.home,
    installationId: id,
    adopted: others.map(({ place }) => place),
    notNamed,
  });
  context.output.show(
    `The installation ${id} adopts ${countOf(others.length, 'place')}: ${others.map(({ place }) => place).join('; ')}.\n` +
      `Restart the apps of the home.${rest}`,
  );
}
