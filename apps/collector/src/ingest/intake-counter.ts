import { serializeIntake } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';

/** What became of some events of a producer. */
export type IntakeOutcome = Pick<IntakeCount, 'outcome' | 'field' | 'reason' | 'count'>;

/** Sums what became of events by UTC day and producer, until somebody takes the sums. */
export interface IntakeCounter {
  add(producer: string, receivedAt: number, outcomes: readonly IntakeOutcome[]): void;
  /** A record with the sums since the last call; undefined when there are none. */
  take(now: number): LogRecord | undefined;
}

export function createIntakeCounter(options: { readonly topic: string }): IntakeCounter {
  let sums = new Map<string, IntakeCount>();
  return {
    add(producer, receivedAt, outcomes) {
      const day = new Date(receivedAt).toISOString().slice(0, 10);
      for (const { outcome, field, reason, count } of outcomes) {
        const name = [day, producer, outcome, field, reason].join('\n');
        const sum = (sums.get(name)?.count ?? 0) + count;
        sums.set(name, { day, producer, outcome, field, reason, count: sum });
      }
    },
    take(now) {
      if (sums.size === 0) return undefined;
      const value = serializeIntake([...sums.values()]);
      sums = new Map();
      return { topic: options.topic, key: 'ingest', value, timestamp: now };
    },
  };
}
