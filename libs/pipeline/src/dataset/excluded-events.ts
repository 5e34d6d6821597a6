import { countOf, formatCount } from '@facet/platform';
import type { DatasetInfo } from './dataset.ts';

/** The events that are no interactions. */
export interface ExcludedEvents {
  readonly byRule: DatasetInfo['dropped'];
  /** The number of users who are bots. */
  readonly bots: number;
}

const names: Readonly<Record<string, string>> = {
  notPositive: 'not positive (interactions.positives)',
  sameMoment: 'with the user, item and time of another event',
  repeat: 'repeats of an item (interactions.repeats, or leave-one-out)',
  rareItem: 'of rare items (interactions.rareItems)',
};

export function excludedEventsOf({ dropped, counts }: Pick<DatasetInfo, 'dropped' | 'counts'>): ExcludedEvents {
  return { byRule: dropped, bots: counts['bots'] ?? 0 };
}

/** Returns a sentence with the number of events that each rule excludes, and the setting of the rule; none without such events. */
export function describeExcluded({ byRule, bots }: ExcludedEvents): string[] {
  const parts = Object.entries(byRule).flatMap(([rule, count]) => {
    if (count === 0) return [];
    if (rule === 'duplicateEvent') return [countOf(count, 'duplicate')];
    if (rule === 'bot') return [`${formatCount(count)} of ${countOf(bots, 'bot')} (interactions.bots)`];
    return [`${formatCount(count)} ${names[rule] ?? rule}`];
  });
  return parts.length === 0 ? [] : [`Excluded events: ${parts.join(', ')}.`];
}
