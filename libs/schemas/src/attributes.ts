import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
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
export const AttributesSchema = recordOf(AttributeValueSchema);
export type Attributes = Readonly<Record<string, AttributeValue>>;

export function isAttributeValue(value: unknown): value is AttributeValue {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** The fields that items and users share: attributes, and fields that the schema does not name. */
export interface FreeFields {
  readonly attributes: Attributes;
  /** Unknown fields, unchanged. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Parses `attributes` and the fields that `knownFields` does not contain. */
export function parseFreeFields(
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
