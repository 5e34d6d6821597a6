/** An event derived from its number, so that the suite can check every field in the lake without a copy of the events. */
export interface SeededEvent {
  readonly eventId: string;
  readonly type: string;
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number;
}

const users = 4_000;
const items = 1_500;
const types = ['view', 'view', 'view', 'click', 'add_to_cart', 'purchase', 'rating'];
const idPattern = /^fault-(\d+)$/;

/** @param startedAt epoch milliseconds of the first event; later events follow one millisecond apart */
export function seededEvent(number: number, startedAt: number): SeededEvent {
  const mixed = mix(number);
  const type = types[mixed % types.length] as string;
  return {
    eventId: `fault-${number}`,
    type,
    userId: `user-${mix(mixed) % users}`,
    itemId: `item-${mix(mixed ^ 0x5bd1e995) % items}`,
    occurredAt: startedAt + number,
    ...(type === 'rating' ? { value: 1 + (mixed % 5) } : {}),
  };
}

/** Returns the number of a seeded event, or undefined for other ids. */
export function numberOf(eventId: string): number | undefined {
  const match = idPattern.exec(eventId);
  return match === null ? undefined : Number(match[1]);
}

/** Finalizer of MurmurHash3, which spreads neighboring numbers. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Returns a seeded generator of uniform numbers below `bound`. */
export function createChooser(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x9e3779b9) | 0;
    return mix(state) % bound;
  };
}
