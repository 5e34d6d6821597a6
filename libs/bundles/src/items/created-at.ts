import { createdAtNames } from '@facet/features';
import type { Attributes, AttributeValue } from '@facet/features';
import { dayMs } from '@facet/platform';
import { epochNumberMs } from '@facet/schemas';

/** Returns the time when an item was created, in epoch milliseconds; undefined if its attributes do not contain it. */
export function createdTime(attributes: Attributes): number | undefined {
  return createdAtNames.map((name) => readTime(attributes[name])).find((time) => time !== undefined);
}

function readTime(value: AttributeValue | undefined): number | undefined {
  if (typeof value === 'number') return epochNumberMs(value);
  if (typeof value !== 'string') return undefined;
  // Fewer digits are a year.
  if (/^\d{5,}(\.\d+)?$/.test(value.trim())) return epochNumberMs(Number(value));
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

/** Returns the day since the epoch when an item was created; undefined if its attributes do not contain it. */
export function createdDay(attributes: Attributes): number | undefined {
  const time = createdTime(attributes);
  return time === undefined ? undefined : Math.floor(time / dayMs);
}

/** Returns [N + 1] the day of each item's creation by its attributes; NaN if they do not contain it. */
export function createdDays(items: readonly { readonly attributes: Attributes }[]): Float64Array {
  return Float64Array.from(items, ({ attributes }) => createdDay(attributes) ?? Number.NaN);
}
