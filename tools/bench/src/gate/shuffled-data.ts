import { createWriteStream } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { importFiles } from '@facet/import';
import { readLake } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { createRandom, historyEnd } from '@facet/features';
import { homePaths } from '@facet/config';
import type { HomePaths } from '@facet/config';
import type { Dataset } from '@facet/pipeline';
import { dayMs } from '@facet/platform';

/** A window of a dataset in epoch milliseconds, half-open. */
export interface Window {
  readonly from: number;
  readonly before: number;
}

/** Returns the days (UTC) of the test window with interactions, oldest first. */
export function daysOf({ sequences, split }: Dataset): Window[] {
  const days = new Set<number>();
  for (const time of sequences.times) if (time >= split.testFrom) days.add(Math.floor(time / dayMs));
  return [...days]
    .toSorted((a, b) => a - b)
    .map((day) => ({ from: Math.max(day * dayMs, split.testFrom), before: (day + 1) * dayMs }));
}

/** Returns the dataset cut at the end of `window`, with `window` as its test window. */
export function endingWith(dataset: Dataset, { from, before }: Window): Dataset {
  const { info, split, sequences } = dataset;
  const users = sequences.userIds.length;
  const offsets = new Int32Array(users + 1);
  const positions: number[] = [];
  for (let user = 0; user < users; user++) {
    const end = historyEnd(sequences, user, before);
    for (let position = sequences.offsets[user]!; position < end; position++) positions.push(position);
    offsets[user + 1] = positions.length;
  }
  const items = Int32Array.from(positions, (position) => sequences.items[position]!);
  const times = Float64Array.from(positions, (position) => sequences.times[position]!);
  return {
    ...dataset,
    info: { ...info, window: { ...info.window, occurredBefore: before }, split: { ...info.split, testFrom: from } },
    split: { ...split, testFrom: from },
    sequences: { ...sequences, items, times, offsets },
  };
}

/** Returns the dataset with the items of its test window shuffled, which keeps popularity and removes personal taste. */
export function shuffleItems(dataset: Dataset, seed: number): Dataset {
  const { sequences, split } = dataset;
  const inWindow = [...sequences.times.keys()].filter((position) => sequences.times[position]! >= split.testFrom);
  const shuffled = inWindow.map((position) => sequences.items[position]!);
  createRandom(seed).shuffle(shuffled);
  const items = sequences.items.slice();
  inWindow.forEach((position, index) => (items[position] = shuffled[index]!));
  return { ...dataset, sequences: { ...sequences, items } };
}

/**
 * Creates a data home with the events and the catalog of another one. Items are shuffled among all events since `from`,
 * regardless of type and value.
 */
export async function importShuffled(
  sound: HomePaths,
  folder: string,
  { from, seed }: { readonly from: number; readonly seed: number },
): Promise<HomePaths> {
  const home = homePaths(folder);
  await cp(sound.catalogFolder, home.catalogFolder, { recursive: true });
  const events = await readLake(sound.lakeFolder);
  const items = events.filter(({ occurredAt }) => occurredAt >= from).map(({ itemId }) => itemId);
  createRandom(seed).shuffle(items);
  const path = join(folder, 'events.jsonl');
  await pipeline(linesOf(events, items, from), createWriteStream(path));
  await importFiles({ events: [path] }, { home });
  return home;
}

function* linesOf(events: readonly LakeEvent[], items: readonly string[], from: number): Generator<string> {
  let next = 0;
  for (const event of events) {
    const itemId = event.occurredAt < from ? event.itemId : items[next++];
    // The event log sets receivedAt.
    yield `${JSON.stringify({ ...event, itemId, receivedAt: undefined })}\n`;
  }
}
