import { rmSync } from 'node:fs';
import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog, upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { createRandom } from '@facet/features';
import { homePaths } from '@facet/config';
import type { HomePaths } from '@facet/config';
import { createRunStore } from '@facet/runs';
import type { RunStore } from '@facet/runs';
import { dayMs } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';

/** The first day of the shop. */
export const opening = Date.UTC(2026, 0, 5);
/** The number of days with purchases when a test starts. */
export const daysOpen = 40;
/** The last of these days. */
export const lastDay = '2026-02-13';

const kinds = ['tea', 'cup', 'jam'];

/** Settings of facet.yaml, as YAML. */
export interface ShopSettings {
  readonly positives?: string;
  readonly refresh?: string;
}

/** A small and quick facet.yaml. */
const settingsOf = ({ positives = 'purchase', refresh = '{}' }: ShopSettings): string => `
interactions: { positives: ${positives} }
split: { testDays: 7, validationDays: 7 }
features: { minHolders: 2 }
model: { embeddingDim: 6, interests: 2, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 }
training: { batchSize: 64, epochs: 1, windowDays: 10, refit: false }
evaluation: { cutoffs: [10, 50] }
refresh: ${refresh}
gate: { usersMin: 5, ignore: [incumbent, popularity, personal, incumbent-record] }
`;

export interface ShopHome {
  readonly folder: string;
  readonly paths: HomePaths;
  readonly configFile: string;
  readonly store: ArtifactStore;
  readonly runs: RunStore;
  /** Adds a day of purchases, received when they occurred. */
  addDay(day: number): Promise<void>;
}

/** Creates a home whose lake contains the purchases of twenty people. Removed when the test ends. */
export async function createShopHome(settings: ShopSettings = {}): Promise<ShopHome> {
  const folder = await temporaryFolder();
  await cp(await (firstHome ??= buildHome()), folder, { recursive: true });
  const paths = homePaths(folder);
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, settingsOf(settings));
  return {
    folder,
    paths,
    configFile,
    store: createFolderArtifactStore(paths.artifactsFolder),
    runs: createRunStore(paths.runsFolder),
    addDay: (day) => append(paths, purchasesOf(day)),
  };
}

/** The home that all others are copies of. */
let firstHome: ReturnType<typeof buildHome> | undefined;

async function buildHome(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-refresh-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const paths = homePaths(folder);
  await upsertItems(
    paths.catalogFolder,
    Array.from({ length: 24 }, (_, thing) => ({
      itemId: `thing${thing}`,
      title: `${kinds[thing % 3]} number ${thing}`,
      attributes: { kind: kinds[thing % 3]! },
    })),
  );
  await append(paths, Array.from({ length: daysOpen }, (_, day) => purchasesOf(day)).flat());
  return folder;
}

async function append(paths: HomePaths, events: LakeEvent[]): Promise<void> {
  const log = await openFileEventLog(paths.logFolder);
  await log.append(events);
  await sinkLog(log, paths.lakeFolder);
  await log.close();
}

/** Every third person buys twice on a day, mostly items of one kind. */
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
