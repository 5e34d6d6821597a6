/** A seeded stream of random numbers, the only source of randomness in domain code. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A uniform integer in [0, below). */
  int(below: number): number;
  /** A draw from N(0, 1). */
  normal(): number;
  /** Shuffles in place (Fisher–Yates). */
  shuffle<T>(values: { [index: number]: T; readonly length: number }): void;
  /** Returns an independent stream that depends on the seed and the label only. */
  fork(label: string): Random;
}

/** A 32-bit hash of a text (FNV-1a with a final avalanche), for seeds and tie-breaks; not for security. */
export function hashText(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let position = 0; position < text.length; position++) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193);
  }
  return mix(hash);
}

/**
 * Returns the `count` values with the smallest hashes of their ids, in this order. The sample does not depend on the order of the values, and
 * stays the same while its ids exist. Equal hashes are ordered by id.
 */
export function sampleByHash<Value>(values: Iterable<Value>, count: number, idOf: (value: Value) => string): Value[] {
  return Array.from(values, (value) => ({ value, id: idOf(value), hash: hashText(idOf(value)) }))
    .sort((a, b) => a.hash - b.hash || (a.id < b.id ? -1 : 1))
    .slice(0, count)
    .map(({ value }) => value);
}

/** Spreads the bits of a 32-bit integer (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The sfc32 generator (PractRand's small fast counter), seeded by one integer. */
export function createRandom(seed: number): Random {
  let a = mix(seed);
  let b = mix(seed ^ 0x9e3779b9);
  let c = mix(seed ^ 0x7f4a7c15);
  let counter = 1;
  let spareNormal: number | undefined;

  function next32(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next32();

  const random: Random = {
    next: () => next32() / 4294967296,
    int: (below) => Math.floor((next32() / 4294967296) * below),
    normal() {
      if (spareNormal !== undefined) {
        const value = spareNormal;
        spareNormal = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
      const angle = 2 * Math.PI * random.next();
      spareNormal = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    shuffle(values) {
      for (let last = values.length - 1; last > 0; last--) {
        const other = random.int(last + 1);
        const value = values[last]!;
        values[last] = values[other]!;
        values[other] = value;
      }
    },
    fork: (label) => createRandom(hashText(label, seed)),
  };
  return random;
}
