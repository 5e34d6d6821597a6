import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { IdentifierSchema, refuseIdentifier, refuseUserIdentifier, UserIdentifierSchema } from './identifier.ts';
import { isPlainObject, isTooDeep, refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** One fact about an item or a user. A list is a multi-valued fact such as the genres of a film. */
export const AttributeValueSchema = Type.Union([
  Type.String(),
  Type.Number(),
  Type.Boolean(),
  Type.Array(Type.String()),
]);
export type AttributeValue = Static<typeof AttributeValueSchema>;

/** Facts by name: brand, shop, category, age … */
const AttributesSchema = recordOf(AttributeValueSchema);
export type Attributes = Readonly<Record<string, AttributeValue>>;

export function isAttributeValue(value: unknown): value is AttributeValue {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** The fields that items and users share: attributes, and fields that the schema does not name. */
interface FreeFields {
  readonly attributes: Attributes;
  /** Unknown fields, unchanged. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Parses `attributes` and the fields that `knownFields` does not contain. */
function parseFreeFields(
  value: Readonly<Record<string, unknown>>,
  knownFields: ReadonlySet<string>,
): { ok: true; fields: FreeFields } | Refusal {
  const { attributes = {} } = value;
  if (!isPlainObject(attributes)) return refuse('attributes', 'not-an-object');
  for (const [name, attribute] of Object.entries(attributes)) {
    if (!isAttributeValue(attribute)) return refuse(`attributes.${name}`, 'not-an-attribute');
  }
  const extra = Object.entries(value).filter(([field]) => !knownFields.has(field));
  for (const [field, content] of extra) if (isTooDeep(content)) return refuse(field, 'too-deep');
  const fields = { attributes: attributes as Attributes };
  return { ok: true, fields: extra.length === 0 ? fields : { ...fields, extra: Object.fromEntries(extra) } };
}

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

const itemFields = new Set(Object.keys(ItemSchema.properties));

/** Parses one item from its wire form. Every accepted value is valid under {@link ItemSchema}. */
export function parseItem(value: unknown): { ok: true; item: Item } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const { itemId, title, available } = value;
  const problem = refuseIdentifier(itemId);
  if (problem !== undefined) return refuse('itemId', problem);
  if (title !== undefined && typeof title !== 'string') return refuse('title', 'not-text');
  if (available !== undefined && typeof available !== 'boolean') return refuse('available', 'not-true-or-false');
  const free = parseFreeFields(value, itemFields);
  if (!free.ok) return free;
  return { ok: true, item: { itemId: itemId as string, title, available, ...free.fields } };
}

/** Returns the wire form of an item as JSON text. {@link parseItem} restores the item from it. */
export function serializeItem(item: Item): string {
  const { extra, ...fields } = item;
  return JSON.stringify({ ...extra, ...fields });
}

/** The wire form of a user. Each record replaces the whole user. Unknown fields are kept. */
export const UserSchema = Type.Object(
  { userId: UserIdentifierSchema, attributes: Type.Optional(AttributesSchema) },
  { $id: 'urn:facet:schema:user:v1', title: 'User', additionalProperties: true },
);

/** A parsed user: everything known of the user except events. */
export interface User extends FreeFields {
  readonly userId: string;
}

const userFields = new Set(Object.keys(UserSchema.properties));

/** Parses one user from its wire form. Every accepted value is valid under {@link UserSchema}. */
export function parseUser(value: unknown): { ok: true; user: User } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const problem = refuseUserIdentifier(value['userId']);
  if (problem !== undefined) return refuse('userId', problem);
  const free = parseFreeFields(value, userFields);
  if (!free.ok) return free;
  return { ok: true, user: { userId: value['userId'] as string, ...free.fields } };
}

/** Returns the wire form of a user as JSON text. {@link parseUser} restores the user from it. */
export function serializeUser(user: User): string {
  const { extra, ...fields } = user;
  return JSON.stringify({ ...extra, ...fields });
}
