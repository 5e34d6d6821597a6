import { hourMs } from '@facet/platform';

/**
 * Returns a clock that does not go back when the given clock is set back by an hour or less. So a later version of a record never has an
 * earlier time, and an erasure covers all earlier events. If the given clock is set back further, the returned clock goes back too,
 * because Kafka would refuse the records.
 *
 * @param now the clock in epoch milliseconds
 */
export function createReceiptClock(now: () => number): () => number {
  let last = -Infinity;
  return () => {
    const time = now();
    last = last - time > hourMs ? time : Math.max(last, time);
    return last;
  };
}
