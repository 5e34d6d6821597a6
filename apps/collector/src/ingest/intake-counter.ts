import { serializeIntake, sumIntake } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';

/** Sums the outcomes of events by UTC day and producer. */
export interface IntakeCounter {
  add(counts: readonly IntakeCount[]): void;
  /** Returns a record of the sums since the last call and resets them; `undefined` without any. */
  drain(now: number): LogRecord | undefined;
}

export function createIntakeCounter(options: { readonly topic: string }): IntakeCounter {
  let sums: readonly IntakeCount[] = [];
  return {
    add(counts) {
      sums = sumIntake([...sums, ...counts]);
    },
    drain(now) {
      if (sums.length === 0) return undefined;
      const value = serializeIntake(sums);
      sums = [];
      return { topic: options.topic, key: 'ingest', value, timestamp: now };
    },
  };
}
