import { plainName } from '@facet/platform';
import type { AppError } from '@facet/platform';
import { inputError } from '../input-error.ts';
import { isData } from '../tables/delimited-table.ts';
import type { Table, TableColumn } from '../tables/table.ts';
import { createTimeParser } from './parse-time.ts';
import { isKnownTypeName } from './type-names.ts';

/** The usual names of each field, most likely first, in the form of {@link plainName}. */
export type FieldNames = Readonly<Record<string, readonly string[]>>;

const words = (text: string): readonly string[] => text.split(' ');

// cspell:disable
export const eventFieldNames = {
  eventId: words('eventid eventuuid uuid'),
  type: words('type event eventtype eventname behavior behaviour behaviortype behaviourtype action actiontype'),
  userId: words(
    'userid user customerid customer visitorid visitor reviewerid memberid accountid clientid uid householdkey',
  ),
  itemId: words(
    'itemid item productid product stockcode sku parentasin asin movieid articleid trackid songid bookid newsid businessid contentid videoid artistid isbn aid iid',
  ),
  occurredAt: words(
    'occurredat timestamp datetime time eventtime ts date createdat unixreviewtime invoicedate orderdate purchasedate tdat eventdate',
  ),
  sessionId: words('sessionid session visitid usersession invoice invoiceno orderid order transactionid'),
  recommendationId: words('recommendationid'),
  position: words('position'),
  value: words('rating overall bookrating value eventvalue stars score quantity amount price'),
  context: words('context'),
} satisfies FieldNames;

export const itemFieldNames = {
  itemId: [...eventFieldNames.itemId, 'id'],
  title: words('title movietitle booktitle itemname productname producttitle name description headline prodname'),
  available: words('available isavailable instock'),
  attributes: words('attributes'),
} satisfies FieldNames;

export const userFieldNames = {
  userId: [...eventFieldNames.userId, 'id'],
  attributes: words('attributes'),
} satisfies FieldNames;
// cspell:enable

/** The names of value columns with ratings. The other value columns contain amounts. */
export const ratingNames: readonly string[] = ['rating', 'overall', 'bookrating', 'stars', 'score'];

type NamedTable = Pick<Table, 'path' | 'columns' | 'nestedPaths' | 'nestedList'>;

/** The column index of each field that was found. */
export type FieldColumns<Names extends FieldNames> = { readonly [Field in keyof Names]?: number };

/**
 * Finds the column of each field: by `mapped`, or else by the usual names.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` when a mapped column or one of the `required` fields is not in the file.
 */
export function findColumns<Names extends FieldNames>(
  table: NamedTable,
  names: Names,
  options: {
    readonly mapped: { readonly [Field in keyof Names]?: string | undefined };
    readonly required: readonly (keyof Names & string)[];
    /** The section of the mapping in facet.yaml: `mapping` or `mapping.items`. */
    readonly section: string;
  },
): FieldColumns<Names> {
  const taken = new Set<number>();
  const found: { [Field in keyof Names]?: number } = {};
  for (const [field, name] of Object.entries(options.mapped) as [keyof Names & string, string | undefined][]) {
    if (name === undefined) continue;
    const index = columnNamed(table.columns, name);
    if (index === -1) {
      throw missingColumn(
        table,
        `${options.section}.${field} names the column "${name}", which ${table.path} does not have`,
        { ...options, names },
        [field],
      );
    }
    found[field] = index;
    taken.add(index);
  }
  const plainNames = table.columns.map((column) => plainName(column.name));
  for (const field of Object.keys(names) as (keyof Names & string)[]) {
    if (found[field] !== undefined) continue;
    for (const name of names[field] as readonly string[]) {
      const index = plainNames.findIndex((candidate, at) => candidate === name && !taken.has(at));
      if (index === -1) continue;
      found[field] = index;
      taken.add(index);
      break;
    }
  }
  const absent = options.required.filter((field) => found[field] === undefined);
  if (absent.length > 0) {
    const sessionColumn = found['sessionId'] === undefined ? undefined : table.columns[found['sessionId']]?.name;
    const problem = `${table.path} has no column for ${absent.join(', ')}`;
    throw missingColumn(table, problem, { ...options, names, sessionColumn }, absent);
  }
  return found;
}

/** Returns the names of the found columns, by field. */
export function columnNames(
  table: Pick<Table, 'columns'>,
  found: Readonly<Record<string, number | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(found).flatMap(([field, index]) => {
      const column = index === undefined ? undefined : table.columns[index];
      return column === undefined ? [] : [[field, column.name]];
    }),
  );
}

/** Returns the columns that have a usual name of a required field, but are no field. */
export function otherCandidates<Names extends FieldNames>(
  { columns }: Pick<Table, 'columns'>,
  names: Names,
  found: FieldColumns<Names>,
  required: readonly (keyof Names & string)[],
): Record<string, readonly string[]> {
  const taken = Object.values(found);
  const used = taken.map((index) => columns[index as number]?.name);
  const containsUsed = (name: string): boolean => used.some((one) => one?.startsWith(`${name}.`) === true);
  return Object.fromEntries(
    required.flatMap((field) => {
      const others = columns.filter(
        ({ name }, index) =>
          !taken.includes(index) && names[field]?.includes(plainName(name)) === true && !containsUsed(name),
      );
      return others.length === 0 ? [] : [[field, others.map(({ name }) => name)]];
    }),
  );
}

/** Finds a column by its exact name, or else by its {@link plainName}. */
function columnNamed(columns: readonly TableColumn[], name: string): number {
  const exact = columns.findIndex((column) => column.name === name);
  if (exact !== -1) return exact;
  return columns.findIndex((column) => plainName(column.name) === plainName(name));
}

/** Returns the first path whose last keys are a usual name of the field, such as `item.id` or `data.item_id` for `itemId`. */
function pathNamed(paths: readonly string[], names: readonly string[] = []): string | undefined {
  return paths.find((path) => {
    const keys = path.split('.');
    return [keys.at(-1)!, keys.slice(-2).join('.')].some((name) => names.includes(plainName(name)));
  });
}

/** The most columns that an error lists. */
const listedMax = 30;

function missingColumn(
  table: NamedTable,
  problem: string,
  options: { readonly section: string; readonly names: FieldNames; readonly sessionColumn?: string | undefined },
  fields: readonly string[],
): AppError {
  const columns = table.columns.map((column) => column.name);
  const more = columns.length > listedMax ? ` and ${columns.length - listedMax} more` : '';
  return inputError(
    'EVENTS_COLUMN_MISSING',
    `${problem}. The columns of the file are ${columns.slice(0, listedMax).join(', ')}${more}.`,
    remedyFor(table, options, fields),
    { path: table.path, fields, columns },
  );
}

function remedyFor(
  { path, columns, nestedPaths, nestedList }: NamedTable,
  options: Parameters<typeof missingColumn>[2],
  fields: readonly string[],
): string {
  const { section } = options;
  const cells = columns.map(({ name }) => name);
  const isEvents = section === 'mapping';
  if (nestedPaths === undefined && isData(columns)) {
    if (cells.length === 1 && isEvents) {
      return `The first line seems to be data. Separate the columns by commas or tabs. If each line is a user id and item ids, oldest first, only the benchmark reads it: facet benchmark --protocol leave-one-out --data ${path}`;
    }
    const names = isEvents
      ? guessEventColumns(cells)
      : guessCatalogColumns(cells, section.endsWith('users') ? 'user_id' : 'item_id');
    return `The first line seems to be data. Name the columns of the file in order in facet.yaml, and correct this guess: ${yamlOf(section, `columns: [${names.join(', ')}]`)}.`;
  }
  if (nestedList !== undefined && isEvents) {
    return `Each line contains several events. Write one event per line: jq -c 'del(.${nestedList}) + .${nestedList}[]' ${path} > events.jsonl`;
  }
  const columnOf = (field: string): string =>
    pathNamed(nestedPaths ?? [], options.names[field]) ??
    (field === 'userId' ? options.sessionColumn : undefined) ??
    '<column>';
  const mapped = fields.map((field) => `${field}: ${columnOf(field)}`).join(', ');
  const absent = fields.filter((field) => columnOf(field) === '<column>');
  return [
    `Map the column in facet.yaml: ${yamlOf(section, mapped)}.`,
    ...(absent.includes('occurredAt') ? ['If it contains numbers of days or orders, add timeFormat: Days.'] : []),
    ...(absent.length === 0
      ? []
      : ['If the file has no such column, "Public data sets" in docs/benchmark.md says how to join or convert files.']),
  ].join(' ');
}

/** Returns a setting in a section such as `mapping.items` as YAML in one line. */
function yamlOf(section: string, setting: string): string {
  return section.split('.').reduceRight((inner, name) => `${name}: { ${inner} }`, setting);
}

const parseTime = createTimeParser({});
/** Ids of items at Amazon: ISBNs and ASINs. Files of ratings contain them before or after the user. */
const asinPattern = /^(B[0-9A-Z]{9}|\d{9}[\dX])$/;

/**
 * Guesses the names of the columns of events by the first line of a file without a header: the time, the type, the rating, and of the
 * other columns the first two without a decimal point as user and item. A person must check the guess.
 */
function guessEventColumns(cells: readonly string[]): string[] {
  const names = cells.map((cell): string | undefined => {
    const text = cell.trim();
    if (isLikelyTime(text)) return 'timestamp';
    if (isKnownTypeName(text)) return 'type';
    return /^[0-5]\.[05]$/.test(text) ? 'rating' : undefined;
  });
  const ids = [...cells.keys()].filter((index) => names[index] === undefined && !/^-?\d*\.\d+$/.test(cells[index]!));
  const item = ids.find((index) => asinPattern.test(cells[index]!)) ?? ids[1];
  const user = ids.find((index) => index !== item);
  return names.map((name, index) => {
    if (index === user) return 'user_id';
    if (index === item) return 'item_id';
    return name === undefined || names.indexOf(name) !== index ? `column${index + 1}` : name;
  });
}

/** Guesses that the first column is the id. A person must name the others. */
function guessCatalogColumns(cells: readonly string[], id: 'item_id' | 'user_id'): string[] {
  return cells.map((_, index) => (index === 0 ? id : `column${index + 1}`));
}

function isLikelyTime(text: string): boolean {
  const time = parseTime(text);
  if (time === 'time-order-unclear') return true;
  // Digits are more likely an id, unless they are seconds or milliseconds since 2001.
  return typeof time === 'number' && (/[a-z]|^\d{4}[-/]/i.test(text) || /^1\d{9}(\d{3})?(\.\d+)?$/.test(text));
}
