import { minuteMs } from '@facet/platform';
import { expect, it } from 'vitest';
import { busyEventsPerMinute, sustainedMinutes, UserRates } from '../../src/health/user-rates.ts';

const start = Date.UTC(2024, 0, 1);

function ratesOf(minutes: readonly (readonly [user: number, minute: number, events: number])[]) {
  const rates = new UserRates();
  for (const [user, minute, events] of minutes) {
    for (let event = 0; event < events; event++) rates.add(user, start + minute * minuteMs + event * 7);
  }
  return rates.sustained();
}

const stretch = (user: number, minutes: number, events: number): [number, number, number][] =>
  Array.from({ length: minutes }, (_, minute) => [user, minute, events]);

it('finds a user who is busy for several minutes in a row, for any order of events', () => {
  const busy = stretch(3, sustainedMinutes, busyEventsPerMinute);
  expect(ratesOf([...busy, [3, 2, 5], [9, 0, 1]].reverse() as typeof busy)).toEqual([
    { user: 3, eventsPerMinuteMax: busyEventsPerMinute + 5 },
  ]);
});

it('ignores a large order, a gap, and two alternating users', () => {
  expect(ratesOf([[0, 0, 2000]])).toEqual([]);
  expect(ratesOf(stretch(0, sustainedMinutes - 1, 500))).toEqual([]);
  expect(ratesOf(stretch(0, 20, busyEventsPerMinute - 1))).toEqual([]);
  expect(ratesOf(stretch(0, 20, 100).filter(([, minute]) => minute % sustainedMinutes !== 0))).toEqual([]);
  expect(ratesOf(Array.from({ length: 20 }, (_, minute) => [minute % 2, minute, 100] as const))).toEqual([]);
});
