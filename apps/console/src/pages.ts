/** A page of the console. `page/routes/<name>/page.tsx` exports its component, `Content`. */
interface PageEntry {
  /** Its address. `$name` is a parameter. */
  readonly path: `/${string}`;
  /** Its name in the navigation, and its title. */
  readonly title: string;
  /** One sentence that says what the page answers. */
  readonly lead: string;
  /** The path of a line icon of 20 × 20. Only pages with an icon are in the navigation. */
  readonly icon?: string;
  /** Reads each search parameter. A view depends only on these, so that its address is a permalink. */
  readonly search: Readonly<Record<string, Reader>>;
}

/**
 * All pages, in the order of the navigation; the first one is the start page. The router, the navigation, and the addresses where the
 * server sends the page derive from this table.
 */
export const pages = {
  explore: {
    path: '/explore',
    title: 'Explore',
    lead: "A user's behaviors, interests and recommendations, with the reason for each item.",
    icon: 'M10 3v4M10 13v4M3 10h4M13 10h4M10 10h.01M5 5l2.5 2.5M12.5 12.5 15 15M15 5l-2.5 2.5M7.5 12.5 5 15',
    search: {
      user: readText,
      /** Items added to the behaviors, oldest first. Without a user they are the whole history. */
      with: readTexts,
      /** Items whose stored behaviors are ignored. */
      without: readTexts,
      /** The name of a merge mode. */
      merge: readText,
      lambda: readNumber(0, 1000),
      attribute: readText,
      floors: readIntegers,
      /** K'u. */
      interests: readInteger(1, 64),
      limit: readInteger(1, 200),
      /** Whether items that the user has seen may be recommended. */
      seen: readOneOf(true),
      filters: readTexts,
      context: readContext,
      /** Conditions on attributes. */
      where: readObjects,
      sort: readOneOf('interest'),
      /** The interest that is highlighted. */
      focus: readInteger(1, 64),
      /** An empty history is being built. */
      build: readOneOf(true),
    },
  },
  map: {
    path: '/map',
    title: 'Item map',
    lead: 'Similar items are near each other. Axes and distances across the map have no meaning.',
    icon: 'M4.4 6a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M12.4 5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M8.4 11a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M3.4 15a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M13.4 14a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0',
    search: {
      /** `popularity`, `firstSeen` or `attribute:<name>`. */
      color: readText,
      /** The user whose interests the map shows. */
      user: readText,
      /** The selected item. */
      item: readText,
    },
  },
  compare: {
    path: '/compare',
    title: 'Compare',
    lead: 'What changes between two bundles, arms or merges, for one user and for a sample.',
    icon: 'M3 4h5v12H3zM12 4h5v12h-5z',
    search: {
      /** A bundle id, or `experiment/arm`. Absent: the live bundle. */
      before: readText,
      after: readText,
      /** A merge as in `mergeOptions`. Absent: that of the side. */
      beforeMerge: readText,
      afterMerge: readText,
      user: readText,
    },
  },
  refreshes: {
    path: '/refreshes',
    title: 'Refreshes',
    lead: 'The current run, past runs, the schedule, and the lineage of each bundle.',
    icon: 'M16 7A6.5 6.5 0 0 0 4 8M4 13a6.5 6.5 0 0 0 12-1M16 3v4h-4M4 17v-4h4',
    search: {
      /** The shown run; the newest by default. */
      run: readText,
      /** The traced artifact; the newest of the shown run by default. */
      artifact: readPattern(/^[0-9a-f]{32}$/),
    },
  },
  data: {
    path: '/data',
    title: 'Data',
    lead: 'What arrives, what is refused, and whether it is fit to train on.',
    icon: 'M4 5c0-1.1 2.7-2 6-2s6 .9 6 2-2.7 2-6 2-6-.9-6-2zM4 5v10c0 1.1 2.7 2 6 2s6-.9 6-2V5M4 10c0 1.1 2.7 2 6 2s6-.9 6-2',
    search: {
      /** The UTC day whose health is shown; the newest by default. */
      day: readPattern(/^\d{4}-\d\d-\d\d$/),
      /** Only dead letters with this reason. */
      reason: readText,
    },
  },
  experiments: {
    path: '/experiments',
    title: 'Experiments',
    lead: 'The arms of each experiment, and whether their difference is more than chance.',
    icon: 'M8 3h4M9 3v5l-5 7.5A1 1 0 0 0 5 17h10a1 1 0 0 0 1-1.5L11 8V3M6.5 12.5h7',
    search: {
      /** The shown experiment; the first running one by default. */
      name: readText,
      /** Hours after a response in which outcomes count; 24 by default. */
      windowHours: readNumber(Number.MIN_VALUE, 10_000),
    },
  },
  health: {
    path: '/health',
    title: 'Health',
    lead: 'The processes, what they serve, and how fast. Updated every few seconds.',
    icon: 'M2 10h4l2-5 4 10 2-5h4',
    search: {},
  },
  docs: {
    path: '/docs/$file',
    title: 'Documentation',
    lead: 'The documentation of this version.',
    search: {},
  },
} as const satisfies Record<string, PageEntry>;

export type PageName = keyof typeof pages;

/** The search parameters of a page. */
export type PageSearch<Name extends PageName> = SearchOf<(typeof pages)[Name]['search']>;

/** The part of each page's address before parameters, such as `/docs`. */
export const pageRoots: readonly string[] = Object.values(pages).map(({ path }) => path.replace(/\/\$.*$/, ''));

/** Reads a search parameter of an address. Returns undefined if it has no valid value. */
type Reader = (value: unknown) => unknown;

/** The search parameters that readers return. Parameters without a valid value are absent. */
type SearchOf<Readers extends Readonly<Record<string, Reader>>> = {
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
function readPattern(pattern: RegExp): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

/** Returns a reader of one of the given values. */
function readOneOf<const Value>(...values: readonly Value[]): (value: unknown) => Value | undefined {
  return (given) => values.find((value) => value === given);
}

/** Returns a reader of numbers from `min` to `max`. */
export function readNumber(min: number, max: number): (value: unknown) => number | undefined {
  return (value) => (typeof value === 'number' && value >= min && value <= max ? value : undefined);
}

/** Returns a reader of whole numbers from `min` to `max`. */
function readInteger(min: number, max: number): (value: unknown) => number | undefined {
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
function readIntegers(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.slice(0, numbersMax).map((one) => readInteger(0, 1000)(one) ?? 0);
}

/** Reads an object whose values are texts or numbers. */
function readContext(value: unknown): Readonly<Record<string, string | number>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Reads a list of objects. */
function readObjects(value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}
