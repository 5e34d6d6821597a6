import { titleFeatureName } from '@facet/features';
import { findMissingAttributes } from '@facet/lake/missing-attributes';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

interface NamedAttribute {
  readonly path: FieldPath;
  readonly name: string;
}

/**
 * Returns the settings that name an attribute which no item or user of the catalog has. A catalog without records has no
 * problems.
 */
export async function findAttributeProblems(config: FacetConfig, catalogFolder: string): Promise<ConfigProblem[]> {
  const [items, users] = await Promise.all([
    findMissing(itemAttributes(config), catalogFolder, 'items'),
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
  const missing = await findMissingAttributes(catalogFolder, kind, names);
  return named
    .filter(({ name }) => missing.has(name))
    .map(({ path, name }) => ({
      path,
      problem: `no ${kind === 'items' ? 'item' : 'user'} of the catalog has the attribute ${name}`,
      remedy: `Correct the name, or import ${kind} with this attribute.`,
    }));
}

function itemAttributes({ features, serving, experiments }: FacetConfig): NamedAttribute[] {
  const merges = [
    { at: ['serving'], merge: serving.merge },
    ...experiments.flatMap(({ arms, shadow }, index) =>
      Object.entries({ arms, shadow }).flatMap(([kind, named]) =>
        Object.entries(named).map(([arm, { merge }]) => ({ at: ['experiments', String(index), kind, arm], merge })),
      ),
    ),
  ];
  return [
    ...listed(['features', 'items'], features.items).filter(({ name }) => name !== titleFeatureName),
    ...Object.entries(serving.filters).flatMap(([filter, { attributes }]) =>
      Object.keys(attributes).map((name) => ({ path: ['serving', 'filters', filter, 'attributes', name], name })),
    ),
    ...merges.flatMap(({ at, merge }) =>
      merge?.attribute === undefined ? [] : [{ path: [...at, 'merge', 'attribute'], name: merge.attribute }],
    ),
  ];
}

function userAttributes({ features, popularity }: FacetConfig): NamedAttribute[] {
  return [...listed(['features', 'users'], features.users), ...listed(['popularity', 'segments'], popularity.segments)];
}

function listed(path: FieldPath, names: 'auto' | readonly string[]): NamedAttribute[] {
  return names === 'auto' ? [] : names.map((name, index) => ({ path: [...path, String(index)], name }));
}
