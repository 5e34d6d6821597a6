import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog, upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { createRandom } from '@facet/features';
import { homePaths } from '@facet/config';
import { boundsOf, createRunStore, dayAt, shiftDay } from '@facet/pipeline/runs';
import type { HomePaths } from '@facet/config';
import type { RunStore } from '@facet/pipeline/runs';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const timeZone = 'Europe/Berlin';
const startedAt = Date.now();
const daysOpen = 40;
/** Yesterday: no day before it is missing for whoever looks after the schedule. */
export const lastDay = shiftDay(dayAt(startedAt, timeZone), -1);
const opening = Date.parse(shiftDay(lastDay, 1 - daysOpen));
/** When every run is asked for: what is received later is in none, so that all make the same of the day. */
export const requestedAt = boundsOf(lastDay, timeZone).before;

/** Every day, half a day from now: nothing is due while the test runs. */
export const schedule = { cron: `30 ${(new Date(startedAt).getUTCHours() + 12) % 24} * * *`, timeZone } as const;

const people = 240;
const items = 3_000;
const kinds = ['tea', 'cup', 'jam', 'bread', 'salt'];

/**
 * Training takes some seconds. Nothing that is measured decides: neither the kind of the index, nor the gate, which would find
 * this little model wanting, or this machine slow.
 */
const settings = `
interactions: { positives: purchase }
split: { testDays: 7, validationDays: 7 }
features: { minHolders: 2 }
model: { embeddingDim: 16, interests: 2, sequenceLength: 12, hiddenUnits: [16], profileDim: 4 }
training: { batchSize: 128, epochs: 4, windowDays: 20 }
evaluation: { cutoffs: [10, 50] }
gate: { lossMax: false, baselineLossMax: false, personalLiftMin: false, incumbentLossMax: false, latencyMsMax: false }
refresh: { cron: '${schedule.cron}', timeZone: ${schedule.timeZone}, attempts: 3 }
`;

export interface ShopHome {
  readonly folder: string;
  readonly paths: HomePaths;
  readonly configFile: string;
  readonly store: ArtifactStore;
  readonly runs: RunStore;
}

/** Writes a home whose lake holds the purchases of so many people in so many days, and no artifact yet. */
export async function writeShopHome(folder: string): Promise<void> {
  const paths = homePaths(folder);
  await upsertItems(
    paths.catalogFolder,
    Array.from({ length: items }, (_, thing) => ({
      itemId: `thing${thing}`,
      title: `${kinds[thing % kinds.length]} number ${thing}`,
      attributes: { kind: kinds[thing % kinds.length]!, shelf: `shelf${thing % 40}` },
    })),
  );
  const log = await openFileEventLog(paths.logFolder);
  for (let day = 0; day < daysOpen; day++) await log.append(purchasesOf(day));
  await sinkLog(log, paths.lakeFolder);
  await log.close();
  await writeFile(join(folder, 'facet.yaml'), settings);
}

/** A home of its own with what is in another one. */
export async function copyHome(template: string, folder: string): Promise<ShopHome> {
  await cp(template, folder, { recursive: true });
  const paths = homePaths(folder);
  return {
    folder,
    paths,
    configFile: join(folder, 'facet.yaml'),
    store: createFolderArtifactStore(paths.artifactsFolder),
    runs: createRunStore(paths.runsFolder),
  };
}

/** What every third person buys on a day, mostly of one kind. */
function purchasesOf(day: number): LakeEvent[] {
  const random = createRandom(day + 1);
  return Array.from({ length: people }, (_, person) => person)
    .filter((person) => (person + day) % 3 === 0)
    .flatMap((person) =>
      Array.from({ length: 3 }, (_, purchase) => {
        const kind = (person + (random.int(4) === 0 ? 1 : 0)) % kinds.length;
        const occurredAt = opening + day * dayMs + 9 * hourMs + person * 60_000 + purchase;
        return {
          eventId: `${day}-${person}-${purchase}`,
          type: 'purchase',
          userId: `person${person}`,
          itemId: `thing${kind + kinds.length * random.int(items / kinds.length)}`,
          occurredAt,
          receivedAt: occurredAt,
        };
      }),
    );
}
