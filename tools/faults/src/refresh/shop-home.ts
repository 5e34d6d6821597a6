import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifactStore } from '@facet/artifacts';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog, upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { createRandom } from '@facet/features';
import { homePaths } from '@facet/config';
import { boundsOf, createRunStore, dayAt, shiftDay } from '@facet/runs';
import { dayMs, hourMs } from '@facet/platform';

const timeZone = 'Europe/Berlin';
const startedAt = Date.now();
const daysOpen = 40;
/** Yesterday, so that the scheduler finds no missing day. */
export const lastDay = shiftDay(dayAt(startedAt, timeZone), -1);
const opening = Date.parse(shiftDay(lastDay, 1 - daysOpen));
/** Request time of every run. Later events are in no run, so that all runs of the day give equal artifacts. */
export const requestedAt = boundsOf(lastDay, timeZone).before;

/** Daily, half a day from now, so that no run is due during the suite. */
export const schedule = { cron: `30 ${(new Date(startedAt).getUTCHours() + 12) % 24} * * *`, timeZone } as const;

/** Users `user-0` to `user-239`. */
export const people = 240;
const items = 3_000;
const kinds = ['tea', 'cup', 'jam', 'bread', 'salt'];

/** A training of seconds. Measured values decide nothing: the gate would reject this small model or a slow machine. */
const settings = `
interactions: { positives: purchase }
split: { testDays: 7, validationDays: 7 }
features: { minHolders: 2 }
model: { embeddingDim: 16, interests: 2, sequenceLength: 12, hiddenUnits: [16], profileDim: 4 }
training: { batchSize: 128, epochs: 4, windowDays: 20 }
evaluation: { cutoffs: [10, 50] }
gate: { ignore: [incumbent, popularity, personal, incumbent-record, latency] }
dataHealth: { blockRefresh: false }
experiments: [{ name: merge, arms: { control: {}, spread: { merge: { by: round-robin } } } }]
refresh: { cron: '${schedule.cron}', timeZone: ${schedule.timeZone} }
`;

export type ShopHome = ReturnType<typeof openHome>;

/** Writes generated purchases for the users and items of the seeded events to a data home. Writes no artifacts. */
export async function writeShopHome(folder: string): Promise<void> {
  const paths = homePaths(folder);
  await upsertItems(
    paths.catalogFolder,
    Array.from({ length: items }, (_, item) => ({
      itemId: `item-${item}`,
      title: `${kinds[item % kinds.length]} number ${item}`,
      attributes: { kind: kinds[item % kinds.length]!, shelf: `shelf${item % 40}` },
    })),
  );
  const log = await openFileEventLog(paths.logFolder);
  for (let day = 0; day < daysOpen; day++) await log.append(purchasesOf(day));
  await sinkLog(log, paths.lakeFolder);
  await log.close();
  await writeFile(join(folder, 'facet.yaml'), settings);
}

/** Copies a data home. */
export async function copyHome(template: string, folder: string): Promise<ShopHome> {
  await cp(template, folder, { recursive: true });
  return openHome(folder);
}

/** Returns the parts of a written data home. */
export function openHome(folder: string) {
  const paths = homePaths(folder);
  return {
    folder,
    paths,
    configFile: join(folder, 'facet.yaml'),
    store: openArtifactStore(paths.artifactsFolder),
    runs: createRunStore(paths.runsFolder),
  };
}

/** Returns the purchases of a day: every third person buys, mostly items of one kind. */
function purchasesOf(day: number): LakeEvent[] {
  const random = createRandom(day + 1);
  return [...Array(people).keys()]
    .filter((person) => (person + day) % 3 === 0)
    .flatMap((person) =>
      Array.from({ length: 3 }, (_, purchase) => {
        const kind = (person + (random.int(4) === 0 ? 1 : 0)) % kinds.length;
        const occurredAt = opening + day * dayMs + 9 * hourMs + person * 60_000 + purchase;
        return {
          eventId: `${day}-${person}-${purchase}`,
          type: 'purchase',
          userId: `user-${person}`,
          itemId: `item-${kind + kinds.length * random.int(items / kinds.length)}`,
          occurredAt,
          receivedAt: occurredAt,
        };
      }),
    );
}
