import { titleFeatureName } from '@facet/features';
import { findMissingAttributes } from '@facet/lake/read-catalog';
import { suggestName } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';
import { openArms } from './contradictions.ts';

interface NamedAttribute {
  readonly path: FieldPath;
  readonly name: string;
}

/**
 * Returns the settings that name an attribute which no item or user of the catalog has. A catalog without records has no
 * problems. The catalog changes without the file, so these are not contradictions.
 *
 * @param now epoch milliseconds: arms of experiments that ended before are not checked
 */
export async function findAttributeProblems(
  config: FacetConfig,
  catalogFolder: string,
  now: number,
): Promise<ConfigProblem[]> {
  const [items, users] = await Promise.all([
    findMissing(itemAttributes(config, now), catalogFolder, 'items'),
    findMissing(userAttributes(config), catalogFolder, 'users'),
  ]);
  return [...items, ...users];
}

async function findMissing(
  named: readonly NamedAttribute[],
  catalogFolder: string,
  kind: 'items' | 'users',
): Promise<ConfigProblem[]> {
  const names = named.map(({ name }) => name);
  const { missing, known } = await findMissingAttributes(catalogFolder, kind, names);
  return named
    .filter(({ name }) => missing.has(name))
    .map(({ path, name }) => ({
      path,
      problem: `no ${kind === 'items' ? 'item' : 'user'} of the catalog has the attribute ${name}`,
      remedy: `${suggestName(name, [...known])}Correct the name, or import ${kind} with this attribute.`,
    }));
}

/** Returns the attributes of items that the settings name: features, and those of filters and merges. */
export function usedItemAttributes(config: FacetConfig, now: number): ReadonlySet<string> {
  return new Set(itemAttributes(config, now).map(({ name }) => name));
}

function itemAttributes({ features, serving, experiments }: FacetConfig, now: number): NamedAttribute[] {
  const merges = [{ path: ['serving'], merge: serving.merge }, ...openArms(experiments, now)];
  return [
    ...listed(['features', 'items'], features.items).filter(({ name }) => name !== titleFeatureName),
    ...Object.entries(serving.filters).flatMap(([filter, { attributes }]) =>
      Object.keys(attributes).map((name) => ({ path: ['serving', 'filters', filter, 'attributes', name], name })),
    ),
    ...merges.flatMap(({ path, merge }) =>
      merge?.attribute === undefined ? [] : [{ path: [...path, 'merge', 'attribute'], name: merge.attribute }],
    ),
  ];
}

function userAttributes({ features, popularity }: FacetConfig): NamedAttribute[] {
  return [...listed(['features', 'users'], features.users), ...listed(['popularity', 'segments'], popularity.segments)];
}

function listed(path: FieldPath, names: 'auto' | readonly string[]): NamedAttribute[] {
  return names === 'auto' ? [] : names.map((name, index) => ({ path: [...path, String(index)], name }));
}
