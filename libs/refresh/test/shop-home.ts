import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog, upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { createRandom } from '@facet/features';
import { homePaths } from '@facet/config';
import { createRunStore } from '@facet/pipeline/runs';
import type { HomePaths } from '@facet/config';
import type { RunStore } from '@facet/pipeline/runs';
import { onTestFinished } from 'vitest';

export const dayMs = 86_400_000;
/** The first day of the shop. */
export const opening = Date.UTC(2026, 0, 5);
/** The days that it has been open when a test begins. */
export const daysOpen = 40;
/** The last of them. */
export const lastDay = '2026-02-13';

const kinds = ['tea', 'cup', 'jam'];

/** A small and quick facet.yaml. */
const settingsOf = (positives: string): string => `
interactions: { positives: ${positives} }
split: { testDays: 7, validationDays: 7 }
features: { minHolders: 2 }
model: { embeddingDim: 6, interests: 2, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 }
training: { batchSize: 64, epochs: 2, windowDays: 10 }
evaluation: { cutoffs: [10, 50] }
gate: { usersMin: 5, lossMax: false, baselineLossMax: false, personalLiftMin: false, incumbentLossMax: false }
`;

export interface ShopHome {
  readonly folder: string;
  readonly paths: HomePaths;
  readonly configFile: string;
  readonly store: ArtifactStore;
  readonly runs: RunStore;
  /** Another day of purchases, received as they occurred. */
  addDay(day: number): Promise<void>;
}

/** A home whose lake holds the purchases of twenty people in so many days; gone when the test is. */
export async function createShopHome(positives = 'purchase'): Promise<ShopHome> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-refresh-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = homePaths(folder);
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, settingsOf(positives));
  await upsertItems(
    paths.catalogFolder,
    Array.from({ length: 24 }, (_, thing) => ({
      itemId: `thing${thing}`,
      title: `${kinds[thing % 3]} number ${thing}`,
      attributes: { kind: kinds[thing % 3]! },
    })),
  );
  await append(paths, Array.from({ length: daysOpen }, (_, day) => purchasesOf(day)).flat());
  return {
    folder,
    paths,
    configFile,
    store: createFolderArtifactStore(paths.artifactsFolder),
    runs: createRunStore(paths.runsFolder),
    addDay: (day) => append(paths, purchasesOf(day)),
  };
}

async function append(paths: HomePaths, events: LakeEvent[]): Promise<void> {
  const log = await openFileEventLog(paths.logFolder);
  await log.append(events);
  await sinkLog(log, paths.lakeFolder);
  await log.close();
}

/** What every third person buys on a day, mostly of one kind. */
function purchasesOf(day: number): LakeEvent[] {
  const random = createRandom(day + 1);
  return Array.from({ length: 20 }, (_, person) => person)
    .filter((person) => (person + day) % 3 === 0)
    .flatMap((person) =>
      Array.from({ length: 2 }, (_, purchase) => {
        const kind = (person + (random.int(4) === 0 ? 1 : 0)) % 3;
        const occurredAt = opening + day * dayMs + 10 * 3_600_000 + person * 60_000 + purchase;
        return {
          eventId: `${day}-${person}-${purchase}`,
          type: 'purchase',
          userId: `person${person}`,
          itemId: `thing${kind + 3 * random.int(8)}`,
          occurredAt,
          receivedAt: occurredAt,
        };
      }),
    );
}
