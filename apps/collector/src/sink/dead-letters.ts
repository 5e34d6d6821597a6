import { countedField } from '@facet/schemas';
import type { LakeWriter } from '@facet/lake';
import type { IntakeCount, RefusalReason } from '@facet/schemas';
import { deadLetter, deadLetterRecord } from '@facet/kafka';
import type { Publisher } from '@facet/kafka';
import type { LogMessage } from './log-message.ts';
import type { PartitionPosition } from './partition-position.ts';
import type { Patience } from './patience.ts';
import type { SinkMetrics } from './sink-metrics.ts';

/** A message that cannot be used, and why. */
export interface RefusedMessage {
  readonly message: LogMessage;
  /** The field at fault, empty for the whole message. */
  readonly field: string;
  readonly reason: RefusalReason;
}

/** Where messages go that cannot be used, so that they neither block nor vanish. */
export interface DeadLetters {
  /** Resolves when the log has them; a crash before it is noted puts them there again. */
  put(position: Readonly<PartitionPosition>, refused: readonly RefusedMessage[], signal: AbortSignal): Promise<void>;
}

const dayMs = 86_400_000;

export interface DeadLettersDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly lake: Pick<LakeWriter, 'addIntake'>;
  readonly patience: Patience;
  readonly metrics: SinkMetrics;
  readonly now: () => number;
}

export function createDeadLetters(deps: DeadLettersDeps, { topic }: { readonly topic: string }): DeadLetters {
  const { publisher, lake, patience, metrics, now } = deps;
  return {
    async put(position, refused, signal) {
      if (refused.length === 0) return;
      const records = refused.map(({ message, field, reason }) => {
        const { key, value } = message;
        const place = { ...position, offset: Number(message.offset), timestamp: Number(message.timestamp) };
        return deadLetterRecord(topic, deadLetter({ ...place, key, value }, { field, reason }, now()));
      });
      await patience.until('kafka', () => publisher.publish(records), signal);
      lake.addIntake(countRefusals(position.topic, refused, now()));
      for (const [reason, count] of countBy(refused, (one) => one.reason)) {
        metrics.countDeadLetters(position.topic, reason, count);
      }
    },
  };
}

/** What ingest did not see: a company's own producers write into the topic themselves. */
function countRefusals(topic: string, refused: readonly RefusedMessage[], now: number): IntakeCount[] {
  const byKind = new Map<string, IntakeCount>();
  for (const { message, field: given, reason } of refused) {
    const day = dayOf(Number(message.timestamp), now);
    const field = countedField(given);
    const kind = JSON.stringify([day, field, reason]);
    const count = (byKind.get(kind)?.count ?? 0) + 1;
    byKind.set(kind, { day, producer: `topic:${topic}`, outcome: 'refused', field, reason, count });
  }
  return [...byKind.values()];
}

/** The UTC day of a time that a producer gave; today for one that cannot be. */
function dayOf(time: number, now: number): string {
  const isTime = time >= 0 && time <= now + dayMs;
  return new Date(isTime ? time : now).toISOString().slice(0, 10);
}

function countBy<Entry>(entries: readonly Entry[], nameOf: (entry: Entry) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) + 1);
  return counts;
}
