import { nearestName } from '@facet/platform';
import { createdAtNames, titleFeatureName } from './feature-schema.ts';

/** An attribute that a model does not read. It is kept for filters, and for responses that include it. */
export interface UnreadAttribute {
  readonly name: string;
  /** The number of items that have it. */
  readonly items: number;
  /** The attribute with a similar name that the model reads, if there is one. */
  readonly suggestion?: string;
}

/** The attributes that a model does not read. */
export interface UnreadAttributes {
  /** The most frequent 20. */
  readonly attributes: readonly UnreadAttribute[];
  /** The number of counted ones. */
  readonly count: number;
}

/** Maximum number of counted names, because senders can send any number. */
const countedMax = 100;
const listedMax = 20;

/** Counts the attributes of items that a model does not read: the first 100 names. */
export interface UnreadCounter {
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
