import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '@facet/kafka';
import { findFreePorts, startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { eventOf, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';
import { temporaryFolder } from '@facet/testing';

export interface IngestSettings {
  readonly home: string;
  readonly port: number;
  readonly prefix: string;
  readonly brokers: readonly string[];
}

export async function prepareIngest(brokers: readonly string[]): Promise<IngestSettings> {
  const home = await temporaryFolder();
  const [port = 0] = await findFreePorts(1);
  // JSON is YAML.
  await writeFile(join(home, 'keys.yaml'), JSON.stringify({ keys: [keyOf('all', ['ingest', 'admin'])] }));
  return { home, port, prefix: `t${randomUUID().slice(0, 8)}`, brokers };
}

export const startIngest = ({ home, port, prefix, brokers }: IngestSettings): Promise<FacetProcess> =>
  startFacetProcess({
    app: 'collector',
    args: ['ingest'],
    port,
    env: {
      FACET_HOME: home,
      FACET_TOPIC_PREFIX: prefix,
      FACET_KAFKA_BROKERS: brokers.join(','),
    },
  });

/** Posts batches until stopped, and records acknowledged ids. */
export function startPosting({ port }: IngestSettings, name: string) {
  const acknowledged = new Set<string>();
  const stored = new Set<string>();
  let isStopped = false;
  let sent = 0;
  const post = async (): Promise<void> => {
    while (!isStopped) {
      const events = Array.from({ length: 25 }, () => eventOf(`${name}-${sent++}`, { userId: `user${sent % 7}` }));
      try {
        const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': textOf('all') },
          body: JSON.stringify(events),
        });
        if (response.status !== 202) continue;
        stored.add(((await response.json()) as { stored: string }).stored);
        for (const { eventId } of events) acknowledged.add(eventId);
      } catch {
        await sleep(20);
      }
    }
  };
  const lanes = Promise.all([post(), post(), post()]);
  return {
    acknowledged,
    stored,
    stop: async () => {
      isStopped = true;
      await lanes;
    },
  };
}

export async function readEventIds(settings: IngestSettings): Promise<Set<string>> {
  const records = await readTopic(settings.brokers, topicNames(settings.prefix).events);
  return new Set(records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId));
}

export const missingIds = (acknowledged: ReadonlySet<string>, found: ReadonlySet<string>): string[] =>
  [...acknowledged].filter((id) => !found.has(id));

export async function waitForEmptySpool({ port }: IngestSettings): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/status`, { headers: { 'x-api-key': textOf('all') } });
    // A busy process refuses the request.
    const { spool } = (await response.json()) as { spool?: { records: number } };
    if (spool?.records === 0) return;
    await sleep(100);
  }
}
