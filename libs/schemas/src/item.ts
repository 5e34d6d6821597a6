import { Type } from 'typebox';
import { AttributesSchema, parseFreeFields } from './attributes.ts';
import type { FreeFields } from './attributes.ts';
import { IdentifierSchema, refuseIdentifier } from './identifier.ts';
import { isPlainObject, refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** The wire form of an item. Each record replaces the whole item. Unknown fields are kept. */
export const ItemSchema = Type.Object(
  {
    itemId: IdentifierSchema,
    title: Type.Optional(Type.String({ description: 'Name that people read.' })),
    available: Type.Optional(Type.Boolean({ description: 'False withdraws it from recommendations. Default true.' })),
    attributes: Type.Optional(AttributesSchema),
  },
  { $id: 'urn:facet:schema:item:v1', title: 'Item', additionalProperties: true },
);

/** A parsed item. An absent `available` means available. */
export interface Item extends FreeFields {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
}

const knownFields = new Set(Object.keys(ItemSchema.properties));

/** Parses one item from its wire form. Every accepted value is valid under {@link ItemSchema}. */
export function parseItem(value: unknown): { ok: true; item: Item } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const { itemId, title, available } = value;
  const problem = refuseIdentifier(itemId);
  if (problem !== undefined) return refuse('itemId', problem);
  if (title !== undefined && typeof title !== 'string') return refuse('title', 'not-text');
  if (available !== undefined && typeof available !== 'boolean') return refuse('available', 'not-true-or-false');
  const free = parseFreeFields(value, knownFields);
  if (!free.ok) return free;
  return { ok: true, item: { itemId: itemId as string, title, available, ...free.fields } };
}

/** Returns the wire form of an item as JSON text. {@link parseItem} restores the item from it. */
export function serializeItem(item: Item): string {
  const { extra, ...fields } = item;
  return JSON.stringify({ ...extra, ...fields });
}
