import { homePaths } from '@facet/config/home-paths';
import { adoptInstallations, ensureInstallation, readInstallation } from '@facet/config/installation';
import type { InstallationKey } from '@facet/config/installation';
import { readGroupInstallations } from '@facet/kafka';
import { withQueueInstallation } from '@facet/refresh';
import type { Command } from 'commander';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { groupOf, withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { addHome, addKafka, addNotes, addQueue, addRedis, addSubcommand } from '../options.ts';
import type { Register } from '../options.ts';
import { withProfileStore } from '../profile-store.ts';
import { countOf, renderTable } from '../terminal/text.ts';
import { queueOf } from './refresh.ts';

interface InstallationOptions extends CommonOptions, KafkaOptions {
  readonly home: string;
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
    add('adopt', 'Let the home take over the Kafka topics and the Redis of another installation'),
    `Gives the home a new id that replaces the ids in Kafka, the profile store and the queue. Name all three, by options or
variables. Then restart the apps of the home. The apps of the other home refuse to start afterwards.`,
    'facet installation adopt --home /data/shop --brokers kafka:9092 --redis redis://redis:6379 --queue redis://redis:6379',
  ).action(deps.action(adopt));
};

interface Place {
  readonly place: string;
  readonly installationIds: readonly string[];
}

/** Reads the ids in the places that options or environment name. */
async function readPlaces(options: InstallationOptions, context: CommandContext): Promise<Place[]> {
  const { environment } = context;
  const places: Place[] = [];
  const readKey = async (key: InstallationKey): Promise<void> => {
    const found = await key.read();
    places.push({ place: key.place, installationIds: found === undefined ? [] : [found] });
  };
  const brokers = options.brokers ?? environment.kafkaBrokers;
  if (brokers !== undefined) {
    const groupId = groupOf(options, context);
    const installationIds = await withKafka(options, context, async (kafka, names) =>
      readGroupInstallations(kafka, { groupId, topics: Object.values(names) }),
    );
    places.push({ place: `the consumer group ${groupId} in Kafka at ${brokers}`, installationIds });
  }
  const redis = options.redis ?? environment.redisUrl;
  if (redis !== undefined) {
    await withProfileStore({ ...options, redis }, context, async ({ installation }) => readKey(installation));
  }
  const queue = queueOf(options, context);
  if (queue !== undefined) await withQueueInstallation(queue, readKey);
  return places;
}

async function show(options: InstallationOptions, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const installation = await readInstallation(homePaths(options.home));
  const places = await readPlaces(options, context);
  output.document({ home: options.home, installationId: installation?.id ?? null, places });
  const home = {
    place: `the home ${options.home}`,
    installationIds: installation === undefined ? [] : [installation.id],
  };
  const rows = [home, ...places].map(({ place, installationIds }) => [place, installationIds.join(', ') || 'none yet']);
  output.show(renderTable(['Place', 'Installation'], rows, { style: terminal.style }));
}

async function adopt(options: InstallationOptions, context: CommandContext): Promise<void> {
  const home = homePaths(options.home);
  const places = await readPlaces(options, context);
  const before = await ensureInstallation(home);
  const others = places.filter(({ installationIds }) => installationIds.some((id) => id !== before.id));
  if (others.length === 0) {
    context.output.document({ home: options.home, installationId: before.id, adopted: [] });
    context.output.show('No place belongs to another installation.');
    return;
  }
  const ids = others.flatMap(({ installationIds }) => installationIds);
  const { id } = await adoptInstallations(home, ids);
  context.output.document({ home: options.home, installationId: id, adopted: others.map(({ place }) => place) });
  context.output.show(
    `The installation ${id} adopts ${countOf(others.length, 'place')}: ${others.map(({ place }) => place).join('; ')}.\n` +
      'Restart the apps of the home.',
  );
}
