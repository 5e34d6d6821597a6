import { countOf, formatCount } from '@facet/platform';
import { describeExcluded } from '../dataset/excluded-events.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import type { ProtocolName } from './protocol.ts';

/** With fewer test users, the intervals over users are wider than most differences between systems. */
const testUsersMin = 50;

/** Returns sentences that describe the data to readers of the table, and warn about what makes the figures imprecise. */
export function describeData(benchmark: BenchmarkData): string[] {
  const { origin, positives, excluded } = benchmark;
  return [
    origin,
    ...(positives === undefined ? [] : [`Positive events: ${positives} (interactions.positives).`]),
    ...[describeExcluded(excluded) ?? []].flat(),
    ...warnOfFewUsers(benchmark),
    ...warnOfRandomOrder(benchmark),
  ];
}

const largerTests: Readonly<Record<ProtocolName, string>> = {
  'time-split': 'To test more users, use --protocol leave-one-out or user-split',
  rolling: 'To test more users, use --protocol leave-one-out or user-split',
  'user-split': 'To test more users, use --protocol leave-one-out',
  'leave-one-out': 'To test more users, add data',
};

function warnOfFewUsers({ protocol: { name, test } }: BenchmarkData): string[] {
  const { length } = test.users;
  if (length >= testUsersMin) return [];
  return [
    `Warning: the test has only ${countOf(length, 'user')}, so differences between systems can be chance. ${largerTests[name]}.`,
  ];
}

function warnOfRandomOrder({ data: { sequences }, protocol, hasTimes }: BenchmarkData): string[] {
  const isByPosition = protocol.name === 'leave-one-out' || protocol.name === 'user-split';
  if (!hasTimes || !isByPosition) return [];
  const { offsets, times } = sequences;
  const histories = Array.from(offsets.subarray(1), (end, user) => times.subarray(offsets[user], end));
  const longer = histories.filter(({ length }) => length > 1);
  const tied = longer.filter((of) => of.some((time, position) => position > 0 && time === of[position - 1]));
  if (tied.length <= longer.length / 2) return [];
  return [
    `Warning: most users (${formatCount(tied.length)} of ${formatCount(longer.length)}) have several interactions at the same time, whose order is random. Add a time of day, or use --protocol time-split.`,
  ];
}
