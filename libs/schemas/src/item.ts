import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AttributesSchema, isAttributeValue } from './attributes.ts';
import type { Attributes } from './attributes.ts';
import { IdentifierSchema, refuseIdentifier } from './identifier.ts';
import { isTooDeep } from './nesting.ts';
import { isPlainObject, refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

/** The wire form of an item: an upsert of the whole record. Unknown fields are kept. */
export const ItemSchema = Type.Object(
  {
    itemId: IdentifierSchema,
    title: Type.Optional(Type.String({ description: 'What a person calls it.' })),
    available: Type.Optional(Type.Boolean({ description: 'False withdraws it from recommendations. Default true.' })),
    attributes: Type.Optional(AttributesSchema),
  },
  { $id: 'urn:facet:schema:item:v1', title: 'Item', additionalProperties: true },
);
export type ItemInput = Static<typeof ItemSchema>;

/** A parsed item. An absent `available` means available. */
export interface Item {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
  readonly attributes: Attributes;
  /** Fields that the schema does not name, as they came. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

const knownFields = new Set(Object.keys(ItemSchema.properties));

/** Parses one item from its wire form; what it accepts is valid under {@link ItemSchema}. */
export function parseItem(value: unknown): { ok: true; item: Item } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const { itemId, title, available } = value;
  const problem = refuseIdentifier(itemId);
  if (problem !== undefined) return refuse('itemId', problem);
  if (title !== undefined && typeof title !== 'string') return refuse('title', 'not-text');
  if (available !== undefined && typeof available !== 'boolean') return refuse('available', 'not-true-or-false');
  const attributes = value['attributes'] === undefined ? {} : value['attributes'];
  const refusal = refuseAttributes(attributes);
  if (refusal !== undefined) return refusal;
  const extra = Object.entries(value).filter(([field]) => !knownFields.has(field));
  for (const [field, content] of extra) if (isTooDeep(content)) return refuse(field, 'too-deep');
  return {
    ok: true,
    item: {
      itemId: itemId as string,
      ...(title === undefined ? {} : { title }),
      ...(available === undefined ? {} : { available }),
      attributes: attributes as Attributes,
      ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
  };
}

/** The wire form of an item as JSON text: {@link parseItem} of it gives the item again. */
export function serializeItem(item: Item): string {
  const { extra, ...fields } = item;
  return JSON.stringify({ ...extra, ...fields });
}

/** Refuses an `attributes` field that is not an object of attribute values. */
export function refuseAttributes(attributes: unknown): Refusal | undefined {
  if (!isPlainObject(attributes)) return refuse('attributes', 'not-an-object');
  for (const [name, value] of Object.entries(attributes)) {
    if (!isAttributeValue(value)) return refuse(`attributes.${name}`, 'not-an-attribute');
  }
  return undefined;
}
