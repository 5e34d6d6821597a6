import { nearestName } from '@facet/platform';
import { createdAtNames, titleFeatureName } from './feature-schema.ts';
import type { Attributes } from './feature-schema.ts';

/** An attribute that a model does not read. It is kept for filters, and for responses that include it. */
export interface UnreadAttribute {
  readonly name: string;
  /** The number of items that have it. */
  readonly items: number;
  /** The attribute with a similar name that the model reads, if there is one. */
  readonly suggestion?: string;
}

/** Counts the attributes of items that a model does not read. */
export interface UnreadCounter {
  add(attributes: Attributes): void;
  /**
   * Returns the counted attributes, most frequent first.
   *
   * @param options.read attributes that the model reads
   * @param options.used attributes that settings name, such as those of filters: their names are no mistakes
   */
  list(options: { readonly read: readonly string[]; readonly used?: ReadonlySet<string> }): UnreadAttribute[];
}

export function createUnreadCounter(): UnreadCounter {
  const counts = new Map<string, number>();
  return {
    add(attributes) {
      for (const name of Object.keys(attributes)) counts.set(name, (counts.get(name) ?? 0) + 1);
    },
    list({ read, used }) {
      return [...counts]
        .filter(([name]) => !read.includes(name) && !createdAtNames.includes(name))
        .sort((a, b) => b[1] - a[1])
        .map(([name, items]) => {
          const names = read.filter((one) => one !== titleFeatureName);
          const suggestion = used?.has(name) === true ? undefined : nearestName(name, names);
          return { name, items, ...(suggestion === undefined ? {} : { suggestion }) };
        });
    },
  };
}

/** Returns a sentence that says what becomes of an attribute that the model does not read. */
export function describeUnread({ suggestion }: UnreadAttribute, read: readonly string[]): string {
  const kept = 'Kept for filters and responses, not read by the model';
  if (suggestion !== undefined) return `${kept}. Did you mean ${suggestion}?`;
  return read.length === 0 ? `${kept}, which reads no attribute.` : `${kept}, which reads ${read.join(', ')}.`;
}
