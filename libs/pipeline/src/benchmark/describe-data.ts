import { countOf, formatCount } from '@facet/platform';
import { describeExcluded } from '../dataset/excluded-events.ts';
import { canTrainPrior, noPriorNote } from '../training/trainable-prior.ts';
import type { BenchmarkData } from './benchmark-data.ts';

/** With fewer test users, the intervals over users are wider than most differences between systems. */
const testUsersMin = 50;

/** Returns sentences that describe the data to readers of the table, and warn about what makes the figures imprecise. */
export function describeData(benchmark: BenchmarkData): string[] {
  const { origin, positives, excluded, periodNotes = [] } = benchmark;
  return [
    origin,
    ...(positives === undefined ? [] : [`Positive events: ${positives} (interactions.positives).`]),
    ...describeExcluded(excluded),
    ...periodNotes,
    ...(benchmark.hasTimes && !canTrainPrior(benchmark.data, benchmark.protocol.validation) ? [noPriorNote] : []),
    ...warnOfFewUsers(benchmark),
    ...warnOfRandomOrder(benchmark),
  ];
}

function warnOfFewUsers({ protocol: { name, test } }: BenchmarkData): string[] {
  const { length } = test.users;
  if (length >= testUsersMin) return [];
  const remedy = name === 'leave-one-out' ? 'add data' : 'use --protocol leave-one-out, or add data';
  return [
    `Warning: the test has only ${countOf(length, 'user')}, so differences between systems can be chance. To test more users, ${remedy}.`,
  ];
}

function warnOfRandomOrder({ data: { sequences }, protocol, hasTimes }: BenchmarkData): string[] {
  const isByPosition = protocol.name === 'leave-one-out' || protocol.name === 'user-split';
  if (!hasTimes || !isByPosition) return [];
  const { offsets, times } = sequences;
  let longer = 0;
  let tied = 0;
  for (let user = 0; user + 1 < offsets.length; user++) {
    const end = offsets[user + 1]!;
    let position = offsets[user]! + 1;
    if (position < end) longer++;
    while (position < end && times[position] !== times[position - 1]) position++;
    if (position < end) tied++;
  }
  if (tied <= longer / 2) return [];
  return [
    `Warning: most users with several interactions (${formatCount(tied)} of ${formatCount(longer)}) have some at the same time. The order of these is random. Use --protocol time-split. If the times are only dates, a time of day also helps.`,
  ];
}
