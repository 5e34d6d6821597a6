import { AppError, plainName } from '@facet/platform';
import type { Table, TableColumn } from '../tables/table.ts';

/** The usual names of each field, most likely first, in the form of {@link plainName}. */
export type FieldNames = Readonly<Record<string, readonly string[]>>;

const words = (text: string): readonly string[] => text.split(' ');

// cspell:disable
export const eventFieldNames = {
  eventId: words('eventid eventuuid uuid'),
  type: words('type event eventtype eventname behavior behaviour behaviortype behaviourtype action actiontype'),
  userId: words('userid user customerid customer visitorid visitor reviewerid memberid accountid clientid uid'),
  itemId: words(
    'itemid item productid product stockcode sku asin parentasin movieid articleid trackid songid bookid newsid businessid contentid videoid iid',
  ),
  occurredAt: words(
    'occurredat timestamp datetime time eventtime ts date createdat unixreviewtime invoicedate orderdate purchasedate tdat',
  ),
  sessionId: words('sessionid session visitid usersession invoice invoiceno orderid order transactionid'),
  recommendationId: words('recommendationid'),
  position: words('position'),
  value: words('rating value eventvalue stars score quantity amount price'),
  context: words('context'),
} satisfies FieldNames;

export const itemFieldNames = {
  itemId: [...eventFieldNames.itemId, 'id'],
  title: words('title movietitle itemname productname producttitle name description headline prodname'),
  available: words('available isavailable instock'),
  attributes: words('attributes'),
} satisfies FieldNames;

export const userFieldNames = {
  userId: [...eventFieldNames.userId, 'id'],
  attributes: words('attributes'),
} satisfies FieldNames;
// cspell:enable

/** The names of value columns with ratings. The other value columns contain amounts. */
export const ratingNames: readonly string[] = ['rating', 'stars', 'score'];

/** The column index of each field that was found. */
export type FieldColumns<Names extends FieldNames> = { readonly [Field in keyof Names]?: number };

/**
 * Finds the column of each field: by `mapped`, or else by the usual names.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` when a mapped column or one of the `required` fields is not in the file.
 */
export function findColumns<Names extends FieldNames>(
  table: Pick<Table, 'path' | 'columns' | 'nestedPaths'>,
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
    throw missingColumn(table, `${table.path} has no column for ${absent.join(', ')}`, { ...options, names }, absent);
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

function missingColumn(
  table: Pick<Table, 'path' | 'columns' | 'nestedPaths'>,
  problem: string,
  options: { readonly section: string; readonly names: FieldNames },
  fields: readonly string[],
): AppError {
  const columns = table.columns.map((column) => column.name);
  const columnOf = (field: string): string => pathNamed(table.nestedPaths ?? [], options.names[field]) ?? '<column>';
  const lines = [...options.section.split('.'), fields.map((field) => `${field}: ${columnOf(field)}`).join(', ')];
  const yaml = `${lines.slice(0, -1).join(': { ')}: { ${lines.at(-1)} }${' }'.repeat(lines.length - 2)}`;
  return new AppError(`${problem}. The columns of the file are ${columns.join(', ')}.`, {
    code: 'EVENTS_COLUMN_MISSING',
    category: 'input',
    // Column names are rarely numbers, but most lines of data contain a number.
    remedy: columns.some((name) => /^\d[\d.:TZ -]*$/.test(name))
      ? 'The first line seems to be data. Add a line with the column names before it.'
      : `Map the column in facet.yaml: ${yaml}.`,
    context: { path: table.path, fields, columns },
  });
}
