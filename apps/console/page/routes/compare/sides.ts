import type { components } from '@facet/client/serving-api';
import { mergeModes, mergeNames } from '@facet/retrieval/merge-modes';

export type Side = components['schemas']['Side'];
type Merge = components['schemas']['Merge'];

/** A merge that the page offers. */
export interface MergeOption {
  readonly value: string;
  readonly name: string;
  readonly merge: Merge;
}

/** Returns the merges to choose from. A mode that compares an attribute has a choice for each of `attributes`. */
export function mergeOptions(attributes: readonly string[]): readonly MergeOption[] {
  return mergeNames.flatMap((by): MergeOption[] => {
    const { label, example } = mergeModes[by];
    if (!('attribute' in example)) return [{ value: by, name: label, merge: { by, ...example } as Merge }];
    return attributes.map((attribute) => ({
      value: `${by}:${attribute}`,
      name: `${label}: ${attribute}`,
      merge: { by, ...example, attribute } as Merge,
    }));
  });
}

/** Returns the side of a request for the values of the address. */
export function sideOf(source: string | undefined, merge: string | undefined, options: readonly MergeOption[]): Side {
  const chosen = options.find(({ value }) => value === merge)?.merge;
  const [experiment = '', name] = (source ?? '').split('/');
  return {
    ...(name === undefined ? {} : { arm: { experiment, name } }),
    ...(name === undefined && source !== undefined ? { bundleId: source } : {}),
    ...(chosen === undefined ? {} : { merge: chosen }),
  };
}

/** The first characters of an id, which are enough for readers. */
export const shortId = (id: string): string => id.slice(0, 12);
