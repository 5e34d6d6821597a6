import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** One fact about an item or a user; a list is a multi-valued fact such as the genres of a film. */
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

/** Whether a value can be kept as an attribute. */
export function isAttributeValue(value: unknown): value is AttributeValue {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
