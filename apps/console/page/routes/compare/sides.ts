import type { components } from '@facet/client/serving-api';

export type Side = components['schemas']['Side'];
type Merge = components['schemas']['Merge'];

/** A merge that the page offers. */
export interface MergeOption {
  readonly value: string;
  readonly name: string;
  readonly merge: Merge;
}

const variety = 0.3;

/** Returns the merges to choose from. `attributes` are those that variety can refer to. */
export function mergeOptions(attributes: readonly string[]): readonly MergeOption[] {
  return [
    { value: 'max', name: 'Maximum', merge: { by: 'max' } },
    { value: 'round-robin', name: 'Round-robin', merge: { by: 'round-robin' } },
    { value: 'quota', name: 'Equal shares', merge: { by: 'quota', shares: 'equal' } },
    ...attributes.map((attribute): MergeOption => ({
      value: `diverse:${attribute}`,
      name: `Variety of ${attribute}`,
      merge: { by: 'diverse', lambda: variety, attribute },
    })),
  ];
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
