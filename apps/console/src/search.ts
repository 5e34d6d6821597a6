/** Reads a search parameter of an address. Returns undefined if it has no valid value. */
export type Reader = (value: unknown) => unknown;

/** The search parameters that readers return. Parameters without a valid value are absent. */
export type SearchOf<Readers extends Readonly<Record<string, Reader>>> = {
  readonly [Name in keyof Readers]?: ReturnType<Readers[Name]> | undefined;
};

/** Parses the search parameters of a page. Ignores wrong values. */
export function parseSearch<Readers extends Readonly<Record<string, Reader>>>(
  readers: Readers,
  given: Readonly<Record<string, unknown>>,
): SearchOf<Readers> {
  const fields = Object.entries(readers).map(([name, read]) => [name, read(given[name])]);
  return withoutUndefined(Object.fromEntries(fields)) as SearchOf<Readers>;
}

/** Returns the fields that have a value. */
export function withoutUndefined<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}

/** Reads a text. The router reads `user=196` as a number. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Returns a reader of texts that match a pattern. */
export function readPattern(pattern: RegExp): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

/** Returns a reader of one of the given values. */
export function readOneOf<const Value>(...values: readonly Value[]): (value: unknown) => Value | undefined {
  return (given) => values.find((value) => value === given);
}

/** Returns a reader of numbers from `min` to `max`. */
export function readNumber(min: number, max: number): (value: unknown) => number | undefined {
  return (value) => (typeof value === 'number' && value >= min && value <= max ? value : undefined);
}

/** Returns a reader of whole numbers from `min` to `max`. */
export function readInteger(min: number, max: number): (value: unknown) => number | undefined {
  const read = readNumber(min, max);
  return (value) => (Number.isInteger(value) ? read(value) : undefined);
}

const textsMax = 500;
const numbersMax = 64;

/** Reads one text or a list of texts. */
export function readTexts(value: unknown): readonly string[] | undefined {
  const texts = (Array.isArray(value) ? value : [value]).map(readText).filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.slice(0, textsMax);
}

/** Reads a list of whole numbers from 0 to 1000. Wrong numbers become 0. */
export function readIntegers(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.slice(0, numbersMax).map((one) => readInteger(0, 1000)(one) ?? 0);
}

/** Reads an object whose values are texts or numbers. */
export function readContext(value: unknown): Readonly<Record<string, string | number>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Reads a list of objects. */
export function readObjects(value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}
