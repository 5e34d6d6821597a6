import type { KafkaConnection } from './connect-kafka.ts';
import { parseDeadLetterRecord } from './dead-letter.ts';
import type { DeadLetter, DeadLetterEntry } from './dead-letter.ts';
import { fetchExtents } from './offsets.ts';
import { readRecords } from './read-records.ts';

export interface FoundDeadLetter extends DeadLetter {
  /** Epoch milliseconds; absent while the message is not in the log again. */
  readonly redrivenAt?: number;
}

export interface ReadDeadLettersQuery {
  /** Of the dead letters. */
  readonly topic: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The dead letters that the topic holds now, the oldest first, each once. Reads the topic twice, so that it needs to keep
 * no more than the ids.
 *
 * @throws AppError as {@link readRecords}.
 */
export async function* readDeadLetters(
  kafka: KafkaConnection,
  { topic, signal }: ReadDeadLettersQuery,
): AsyncGenerator<FoundDeadLetter> {
  const extents = await fetchExtents(kafka, topic);
  const query = {
    topic,
    ranges: extents.map(({ partition, start, end }) => ({ partition, from: start, to: end })),
    signal,
  };
  const redrivenAt = new Map<string, number>();
  for await (const entry of readEntries(kafka, query)) {
    if ('redrivenAt' in entry) redrivenAt.set(entry.deadLetterId, entry.redrivenAt);
  }
  const seen = new Set<string>();
  for await (const entry of readEntries(kafka, query)) {
    if ('redrivenAt' in entry || seen.has(entry.letter.deadLetterId)) continue;
    const { letter } = entry;
    seen.add(letter.deadLetterId);
    const time = redrivenAt.get(letter.deadLetterId);
    yield time === undefined ? letter : { ...letter, redrivenAt: time };
  }
}

async function* readEntries(
  kafka: KafkaConnection,
  query: Parameters<typeof readRecords>[1],
): AsyncGenerator<DeadLetterEntry> {
  for await (const { records } of readRecords(kafka, query)) {
    for (const record of records) {
      const entry = parseDeadLetterRecord(record);
      if (entry !== undefined) yield entry;
    }
  }
}
