import { createdAtNames } from '@facet/features';
import type { Attributes } from '@facet/features';
import { dayMs } from '@facet/platform';

/** Returns the time when an item was created, in epoch milliseconds; undefined if its attributes do not contain it. */
export function createdTime(attributes: Attributes): number | undefined {
  const value = createdAtNames.map((name) => attributes[name]).find((value) => typeof value === 'string');
  const time = Date.parse(value ?? '');
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
