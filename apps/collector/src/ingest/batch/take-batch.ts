import { idLengthMax, refuse } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';
import type { BatchEntry } from './batch-entry.ts';
import type { RecordKind } from './record-kind.ts';

/** What became of one entry of a request. */
export type EntryOutcome =
  | { readonly status: 'accepted' | 'duplicate'; readonly index: number; readonly id: string }
  | { readonly status: 'refused'; readonly index: number; readonly id: string | undefined; readonly refusal: Refusal };

/** A request on its way into the log. */
export interface TakenBatch {
  /** One for each entry, in order. */
  readonly outcomes: readonly EntryOutcome[];
  /** Of the accepted entries, in order. */
  readonly records: readonly LogRecord[];
}

/** @param options.recordBytesMax of key and value in UTF-8. Brokers have a limit, too, and refuse whole requests by it. */
export function takeBatch(
  entries: readonly BatchEntry[],
  kind: RecordKind,
  options: { readonly receivedAt: number; readonly recordBytesMax: number },
): TakenBatch {
  const { receivedAt, recordBytesMax } = options;
  const outcomes: EntryOutcome[] = [];
  const records: LogRecord[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const read = entry.ok ? kind.read(entry.value, receivedAt) : entry;
    if (!read.ok) {
      outcomes.push({ status: 'refused', index, id: entry.ok ? idOf(entry.value, kind) : undefined, refusal: read });
    } else if (kind.repeatsAreDuplicates && seen.has(read.id)) {
      outcomes.push({ status: 'duplicate', index, id: read.id });
    } else if (isLarger(read.key, read.json, recordBytesMax)) {
      outcomes.push({ status: 'refused', index, id: read.id, refusal: refuse('', 'too-large') });
    } else {
      seen.add(read.id);
      outcomes.push({ status: 'accepted', index, id: read.id });
      records.push({ topic: kind.topic, key: read.key, value: read.json, timestamp: receivedAt });
    }
  }
  return { outcomes, records };
}

/** Turns records that the log did not take into refused entries. @param refused their places among the records. */
export function withRefused({ outcomes }: TakenBatch, refused: readonly number[]): readonly EntryOutcome[] {
  if (refused.length === 0) return outcomes;
  const places = new Set(refused);
  let place = 0;
  return outcomes.map((outcome) => {
    if (outcome.status !== 'accepted' || !places.has(place++)) return outcome;
    return { status: 'refused', index: outcome.index, id: outcome.id, refusal: refuse('', 'too-large') };
  });
}

/** The id that a refused record has, as far as it has one, for the sender to find it again. */
function idOf(value: unknown, { idField }: RecordKind): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const id = (value as Readonly<Record<string, unknown>>)[idField];
  return typeof id === 'string' && id.length <= idLengthMax ? id : undefined;
}

/** UTF-8 takes up to three bytes for a UTF-16 unit: only long text needs to be measured. */
function isLarger(key: string, json: string, bytesMax: number): boolean {
  if ((key.length + json.length) * 3 <= bytesMax) return false;
  return Buffer.byteLength(key) + Buffer.byteLength(json) > bytesMax;
}
