import type { AttributeColumn, BundleView } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The most frequent values that a description lists. */
const valuesMax = 50;

export const MapAttribute = Type.Object(
  {
    name: Type.String(),
    type: Type.Union([Type.Literal('boolean'), Type.Literal('list'), Type.Literal('number'), Type.Literal('text')]),
    distinct: Type.Optional(Type.Integer({ description: 'The number of distinct texts.' })),
    values: Type.Optional(
      Type.Array(Type.Object({ code: Type.Integer(), value: Type.String(), items: Type.Integer() }), {
        description: `The ${valuesMax} most frequent texts with their codes in the column.`,
      }),
    ),
    min: Type.Optional(Type.Number()),
    max: Type.Optional(Type.Number()),
  },
  { title: 'MapAttribute', description: 'An attribute of items as a column.' },
);
type MapAttribute = Static<typeof MapAttribute>;

const described = new WeakMap<BundleView['catalog'], readonly MapAttribute[]>();

/** Returns the attributes of a catalog, sorted by name. The first column of an attribute describes it. */
export function describeAttributes({ catalog }: Pick<BundleView, 'catalog'>): readonly MapAttribute[] {
  const known = described.get(catalog);
  if (known !== undefined) return known;
  const columns = catalog.columns.filter(
    ({ name }, position) => catalog.columns.findIndex((column) => column.name === name) === position,
  );
  const attributes = columns.map(describeColumn);
  described.set(catalog, attributes);
  return attributes;
}

function describeColumn(column: AttributeColumn): MapAttribute {
  const { name, type } = column;
  if (column.type === 'boolean') return { name, type };
  if (column.type === 'number') {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const number of column.numbers) {
      if (number < min) min = number;
      if (number > max) max = number;
    }
    return min <= max ? { name, type, min, max } : { name, type };
  }
  const { texts, counts } = column.values;
  const order = Array.from(counts.keys()).sort((a, b) => counts[b]! - counts[a]! || a - b);
  const values = order
    .slice(0, valuesMax)
    .map((value) => ({ code: value + 1, value: texts.at(value), items: counts[value]! }));
  return { name, type, distinct: texts.count, values };
}
