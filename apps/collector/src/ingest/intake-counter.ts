import { serializeIntake } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';

/** A number of events of one producer with the same outcome. */
export type IntakeOutcome = Pick<IntakeCount, 'outcome' | 'field' | 'reason' | 'count'>;

/** Sums the outcomes of events by UTC day and producer. */
export interface IntakeCounter {
  add(producer: string, receivedAt: number, outcomes: readonly IntakeOutcome[]): void;
  /** Returns a record of the sums since the last call and resets them; `undefined` without any. */
  drain(now: number): LogRecord | undefined;
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
    drain(now) {
      if (sums.size === 0) return undefined;
      const value = serializeIntake([...sums.values()]);
      sums = new Map();
      return { topic: options.topic, key: 'ingest', value, timestamp: now };
    },
  };
}
