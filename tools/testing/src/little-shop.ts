import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '@facet/schemas';

/** A small synthetic shop with known interests of its customers, so that tests can check the model. */

export interface ShopEvent {
  readonly user_id: string;
  readonly item_id: string;
  readonly type: string;
  readonly timestamp: number;
}

export interface ShopItem {
  readonly item_id: string;
  readonly title: string;
  readonly department: string;
}

const departments = ['garden', 'kitchen', 'music', 'sports'] as const;
const itemsPerDepartment = 15;
const userCount = 200;
const days = 120;
const daySeconds = 86_400;
/** 2024-01-01T00:00:00Z. */
const start = 1_704_067_200;

export const shopItems: readonly ShopItem[] = departments.flatMap((department) =>
  Array.from({ length: itemsPerDepartment }, (_, number) => ({
    item_id: `${department}-${number + 1}`,
    title: `The ${department} thing no. ${number + 1}`,
    department,
  })),
);

/** Returns the events: each user buys 12 to 24 distinct items, mostly of two departments. */
export function shopEvents(): ShopEvent[] {
  const random = mulberry32(7);
  const events: ShopEvent[] = [];
  for (let user = 0; user < userCount; user++) {
    const first = user % departments.length;
    const second =
      (first + 1 + (Math.floor(user / departments.length) % (departments.length - 1))) % departments.length;
    const bought = new Set<string>();
    const wanted = 12 + Math.floor(random() * 13);
    while (bought.size < wanted) {
      const draw = random();
      const department = draw < 0.48 ? first : draw < 0.96 ? second : Math.floor(random() * departments.length);
      bought.add(`${departments[department]}-${1 + Math.floor(random() * itemsPerDepartment)}`);
    }
    const times = [...bought].map(() => start + Math.floor(random() * days * daySeconds)).sort((a, b) => a - b);
    [...bought].forEach((item_id, position) => {
      events.push({ user_id: `u${user}`, item_id, type: 'purchase', timestamp: times[position]! });
    });
  }
  return events.sort((a, b) => a.timestamp - b.timestamp);
}

export function departmentOf(itemId: string): string {
  return itemId.split('-')[0]!;
}

/** Returns a seeded generator of numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function toCsv(rows: readonly object[]): string {
  const columns = Object.keys(rows[0]!);
  const lines = rows.map((row) => columns.map((column) => String(row[column as keyof typeof row])).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

export function toJsonLines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** A small model of several interests that trains in seconds. A cutoff of 50 would be trivial for 60 items. */
const config = `
evaluation: { cutoffs: [10] }
model: { embeddingDim: 16, hiddenUnits: [32], interests: 2 }
`;

export const shopFiles = ['--events', 'events.csv', '--items', 'items.csv'] as const;

/** Writes the files of the little shop and a fast configuration into a folder. */
export async function writeShop(folder: string): Promise<void> {
  await writeFile(join(folder, 'events.csv'), toCsv(shopEvents()));
  await writeFile(join(folder, 'items.csv'), toCsv(shopItems));
  await writeFile(join(folder, 'facet.yaml'), config);
}

export const noon = Date.UTC(2024, 0, 15, 12);

/** Returns an event with defaults for the fields that a test does not set. */
export function makeEvent(fields: Partial<Event> = {}): Event {
  return {
    eventId: 'event-1',
    type: 'purchase',
    userId: 'user-1',
    itemId: 'item-1',
    occurredAt: noon,
    receivedAt: noon + 1000,
    ...fields,
  };
}
