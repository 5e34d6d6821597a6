import { nearestName, plainName } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The value of an item's or user's attribute in an event. */
export type AttributeValue = string | number | boolean | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** The mapping of one attribute to rows of an embedding table. Row 0 means no value or an unknown one. */
export const FeatureSchema = Type.Object({
  name: Type.String(),
  kind: Type.Union([Type.Literal('category'), Type.Literal('number'), Type.Literal('words')]),
  /** Known values; value v is row v's position + 1. For `number`, names of the bins. */
  values: Type.Array(Type.String()),
  /** For `number`: bin b contains values up to and including edges[b]; the last bin is open. */
  edges: Type.Array(Type.Number()),
  /** Most values per item or user. */
  slots: Type.Integer({ minimum: 1 }),
});
export type FeatureSchema = Static<typeof FeatureSchema>;

/** Encodes one attribute as rows of its embedding table. */
interface FeatureEncoder {
  readonly schema: FeatureSchema;
  /** Returns the rows of the attribute's known values, at most `slots`. */
  encode(value: AttributeValue | undefined): number[];
}

export function createFeatureEncoder(schema: FeatureSchema): FeatureEncoder {
  const rows = new Map(schema.values.map((value, position) => [value, position + 1]));
  return {
    schema,
    encode(value) {
      if (value === undefined) return [];
      if (schema.kind === 'number') {
        const number = numberOf(value);
        if (number === undefined) return [];
        const bin = schema.edges.findIndex((edge) => number <= edge);
        return [(bin === -1 ? schema.edges.length : bin) + 1];
      }
      const found: number[] = [];
      for (const text of valuesOf(value, schema.kind)) {
        const row = rows.get(text);
        if (row !== undefined && !found.includes(row)) found.push(row);
        if (found.length === schema.slots) break;
      }
      return found;
    },
  };
}

/** The selection of features from attributes. */
export interface FeatureSelection {
  /** Attribute names, or `auto` for every attribute whose values are shared by enough holders (items or users). */
  readonly attributes: 'auto' | readonly string[];
  /** Fewest holders of a value for which an embedding is learned. */
  readonly minHolders: number;
  /** Most values per holder. */
  readonly maxSlots: number;
  /** Numbers with more than `categoriesMax` distinct values (default 100) are cut into `bins` bins (default 10). */
  readonly numbers?: { readonly categoriesMax: number; readonly bins: number };
}

/** The text attribute whose words are the features, not its whole values. */
export const titleFeatureName = 'title';

/**
 * Learns the schemas of features from the attributes of all items or users. `auto` skips attributes with fewer than two shared values,
 * near-unique ones, such as postcodes, whose shared values cover less than half of the holders, and summaries of interactions
 * (`isSummaryOfInteractions`). Numeric attributes with many values are cut into bins of equal size.
 */
export function learnFeatureSchemas(holders: readonly Attributes[], selection: FeatureSelection): FeatureSchema[] {
  const names = new Set<string>();
  for (const holder of holders) for (const name of Object.keys(holder)) names.add(name);
  for (const name of createdAtNames) names.delete(name);
  const wanted =
    selection.attributes === 'auto'
      ? [...names].filter((name) => !isSummaryOfInteractions(name)).sort()
      : new Set(selection.attributes);
  const schemas: FeatureSchema[] = [];
  for (const name of wanted) {
    const schema = learnFeatureSchema(name, holders, selection);
    if (schema !== undefined) schemas.push(schema);
  }
  return schemas;
}

const numbersDefault = { categoriesMax: 100, bins: 10 };

function learnFeatureSchema(
  name: string,
  holders: readonly Attributes[],
  selection: FeatureSelection,
): FeatureSchema | undefined {
  const values = holders.map((holder) => holder[name]).filter((value) => value !== undefined && value !== '');
  if (values.length === 0) return undefined;
  const kind = name === titleFeatureName ? 'words' : 'category';
  const holdersOf = new Map<string, number>();
  let slots = 1;
  for (const value of values) {
    const texts = [...new Set(valuesOf(value!, kind))];
    slots = Math.max(slots, texts.length);
    for (const text of texts) holdersOf.set(text, (holdersOf.get(text) ?? 0) + 1);
  }

  const numbers = values.map(numberOf);
  const { categoriesMax, bins: binCount } = selection.numbers ?? numbersDefault;
  if (kind === 'category' && holdersOf.size > categoriesMax && numbers.every((number) => number !== undefined)) {
    const edges = quantiles(numbers, binCount);
    const bins = Array.from({ length: edges.length + 1 }, (_, bin) =>
      bin < edges.length ? `<=${edges[bin]}` : 'more',
    );
    return { name, kind: 'number', values: bins, edges, slots: 1 };
  }

  const shared = [...holdersOf].filter(([, count]) => count >= selection.minHolders && count < holders.length);
  if (selection.attributes === 'auto') {
    const known = new Set(shared.map(([text]) => text));
    const covered = values.filter((value) => valuesOf(value!, kind).some((text) => known.has(text))).length;
    if (shared.length < 2 || covered < values.length / 2) return undefined;
  }
  shared.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return { name, kind, values: shared.map(([text]) => text), edges: [], slots: Math.min(slots, selection.maxSlots) };
}

/** Returns ln((1 + N) / (1 + n)) + 1 for a term of n among N items. */
export function inverseFrequency(count: number, holders: number): number {
  return Math.log((1 + holders) / (1 + count)) + 1;
}

/** Attributes with the time when an item was created: in RFC 3339, as a date, or as an epoch number. They are no features. */
export const createdAtNames = ['createdAt', 'created_at'];

/** Plain names of attributes that count or relate interactions: those of the Amazon and Yelp data, and similar ones. */
const summaryNames = new Set([
  ...['averagerating', 'ratingnumber', 'ratingcount', 'numratings', 'reviewcount', 'numreviews'],
  ...['rank', 'salesrank', 'purchasecount', 'viewcount', 'popularity'],
  ...['alsobuy', 'alsobought', 'alsoview', 'alsoviewed', 'boughttogether', 'buyafterviewing', 'similaritem', 'related'],
]);

/**
 * Returns whether the name of an attribute says that it sums up interactions, such as `rating_number` or `also_buy`. Catalogs have the
 * newest value, so a model would learn from interactions after the cut of an evaluation.
 */
function isSummaryOfInteractions(name: string): boolean {
  return summaryNames.has(plainName(name));
}

/** Returns the distinct words of a title, and the values of the other attributes as `name=value`. Leaves out summaries of interactions. */
export function contentTerms(attributes: Attributes): string[] {
  const terms = Object.entries(attributes).flatMap(([name, value]) => {
    if (createdAtNames.includes(name) || isSummaryOfInteractions(name)) return [];
    if (name === titleFeatureName) return valuesOf(value, 'words');
    return valuesOf(value, 'category').map((text) => `${name}=${text}`);
  });
  return [...new Set(terms)];
}

function valuesOf(value: AttributeValue, kind: FeatureSchema['kind']): readonly string[] {
  if (kind === 'words') {
    return (
      String(value)
        .toLowerCase()
        .match(/[\p{L}\p{N}]{2,}/gu) ?? []
    );
  }
  return typeof value === 'object' ? value : [String(value)];
}

/** Returns a value as a finite number, if it is one. Lists are never numbers. */
function numberOf(value: AttributeValue | undefined): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  if (typeof value === 'string' && value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Returns distinct inner edges of at most `bins` bins of about equal size. */
function quantiles(values: readonly number[], bins: number): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const edges = Array.from({ length: bins - 1 }, (_, bin) => sorted[Math.floor(((bin + 1) * sorted.length) / bins)]!);
  return [...new Set(edges)].filter((edge) => edge < sorted.at(-1)!);
}

/** An attribute that a model does not read. It is kept for filters, and for responses that include it. */
export interface UnreadAttribute {
  readonly name: string;
  /** The number of items that have it. */
  readonly items: number;
  /** The attribute with a similar name that the model reads, if there is one. */
  readonly suggestion?: string;
}

/** The attributes that a model does not read. */
interface UnreadAttributes {
  /** The most frequent 20. */
  readonly attributes: readonly UnreadAttribute[];
  /** The number of counted ones. */
  readonly count: number;
}

/** Maximum number of counted names, because senders can send any number. */
const countedMax = 100;
const listedMax = 20;

/** Counts the attributes of items that a model does not read: the first 100 names. */
interface UnreadCounter {
  /** Counts the attributes of one item. */
  add(names: readonly string[]): void;
  /**
   * Returns the counted attributes, most frequent first.
   *
   * @param options.read attributes that the model reads
   * @param options.used attributes that settings name, such as those of filters. They get no suggestion.
   */
  list(options: { readonly read: readonly string[]; readonly used?: ReadonlySet<string> }): UnreadAttributes;
}

export function createUnreadCounter(): UnreadCounter {
  const counts = new Map<string, number>();
  return {
    add(names) {
      for (const name of names) {
        const count = counts.get(name);
        if (count !== undefined) counts.set(name, count + 1);
        else if (counts.size < countedMax) counts.set(name, 1);
      }
    },
    list({ read, used }) {
      const names = read.filter((one) => one !== titleFeatureName);
      const unread = [...counts].filter(([name]) => !read.includes(name) && !createdAtNames.includes(name));
      unread.sort((a, b) => b[1] - a[1]);
      const attributes = unread.slice(0, listedMax).map(([name, items]) => {
        const suggestion = used?.has(name) === true ? undefined : nearestName(name, names);
        return { name, items, ...(suggestion === undefined ? {} : { suggestion }) };
      });
      return { attributes, count: unread.length };
    },
  };
}

/** Returns a sentence that says what becomes of an attribute that the model does not read. */
export function describeUnread({ suggestion }: UnreadAttribute, read: readonly string[]): string {
  const kept = 'Kept for filters and responses, not read by the model';
  if (suggestion !== undefined) return `${kept}. Did you mean ${suggestion}?`;
  return read.length === 0 ? `${kept}, which reads no attribute.` : `${kept}, which reads ${read.join(', ')}.`;
}
