import type { KafkaConnection } from './connect-kafka.ts';
import { readDeadLetters } from './dead-letters.ts';
import type { DeadLetter, FoundDeadLetter, ReadDeadLettersQuery } from './dead-letters.ts';
import { redriveDeadLetters } from './redrive-dead-letters.ts';
import type { RedriveOptions } from './redrive-dead-letters.ts';
import type { Publisher } from './publisher.ts';

/** Selects dead letters. An absent condition selects all. */
export interface DeadLetterFilter {
  readonly reasons?: readonly string[] | undefined;
  readonly field?: string | undefined;
}

/** The number of dead letters with a reason. */
export interface ReasonCount {
  readonly reason: string;
  /** Empty for the whole message. */
  readonly field: string;
  readonly count: number;
}

export interface DeadLetterSummary {
  readonly total: number;
  /** Most frequent first. */
  readonly reasons: readonly ReasonCount[];
  /** The newest dead letters, in ascending order of time. */
  readonly deadLetters: readonly FoundDeadLetter[];
}

export interface SummaryQuery extends ReadDeadLettersQuery, DeadLetterFilter {
  /** Number of returned dead letters. */
  readonly limit: number;
  readonly withRedriven?: boolean | undefined;
  /** Characters of a returned payload. Default: all. */
  readonly payloadMax?: number | undefined;
}

/**
 * Counts the dead letters of a topic by reason, and returns the newest.
 *
 * @throws AppError as `readDeadLetters`.
 */
export async function summarizeDeadLetters(
  kafka: KafkaConnection,
  { limit, withRedriven = false, payloadMax, ...query }: SummaryQuery,
): Promise<DeadLetterSummary> {
  const newest: FoundDeadLetter[] = [];
  const counts = new ReasonCounts();
  for await (const letter of readDeadLetters(kafka, query)) {
    if (!isInFilter(letter, query) || (letter.redrivenAt !== undefined && !withRedriven)) continue;
    counts.add(letter);
    newest.push(payloadMax === undefined ? letter : shorten(letter, payloadMax));
    if (newest.length > limit) newest.shift();
  }
  return { total: counts.total, reasons: counts.rows(), deadLetters: newest };
}

/** Copies the beginning of the payload: a slice would keep all of it in memory. */
function shorten(letter: FoundDeadLetter, payloadMax: number): FoundDeadLetter {
  const { payload } = letter;
  return payload === null ? letter : { ...letter, payload: Buffer.from(payload.slice(0, payloadMax)).toString() };
}

/** Returns the dead letter with an id. @throws AppError as `readDeadLetters`. */
export async function findDeadLetter(
  kafka: KafkaConnection,
  { id, ...query }: ReadDeadLettersQuery & { readonly id: string },
): Promise<FoundDeadLetter | undefined> {
  for await (const letter of readDeadLetters(kafka, query)) if (letter.deadLetterId === id) return letter;
  return undefined;
}

export interface RedriveReport {
  /** False if the signal ended the redrive before it reached all dead letters. */
  readonly isComplete: boolean;
  readonly redriven: number;
  /** Dead letters that are still invalid, and why. */
  readonly failed: number;
  readonly reasons: readonly ReasonCount[];
  readonly failures: readonly { readonly deadLetterId: string; readonly field: string; readonly reason: string }[];
  /** Requested ids that do not exist or were redriven before; empty if the redrive is not complete. */
  readonly notFound: readonly string[];
}

/**
 * Sends dead letters that are now valid back to Kafka. When the signal aborts, finishes the current batch and reports how far it
 * got. The next redrive continues with the rest.
 *
 * @param options.ids only these; empty for all
 * @param options.failuresMax the most entries in `failures`
 * @throws AppError as `redriveDeadLetters`.
 */
export async function redrive(
  parts: { readonly kafka: KafkaConnection; readonly publisher: Pick<Publisher, 'publish'> },
  {
    ids,
    failuresMax,
    ...options
  }: Omit<RedriveOptions, 'isWanted'> &
    DeadLetterFilter & { readonly ids: readonly string[]; readonly failuresMax: number },
): Promise<RedriveReport> {
  const wanted = new Set(ids);
  const isWanted = (letter: DeadLetter): boolean =>
    isInFilter(letter, options) && (wanted.size === 0 || wanted.has(letter.deadLetterId));
  const notFound = new Set(ids);
  let redriven = 0;
  let isComplete = true;
  const counts = new ReasonCounts();
  const failures: RedriveReport['failures'][number][] = [];
  try {
    for await (const { letter, failure } of redriveDeadLetters(parts, { ...options, isWanted })) {
      const { deadLetterId } = letter;
      notFound.delete(deadLetterId);
      if (failure === undefined) {
        redriven++;
        continue;
      }
      counts.add(failure);
      if (failures.length < failuresMax) failures.push({ deadLetterId, ...failure });
    }
  } catch (error) {
    if (options.signal?.aborted !== true || error !== options.signal.reason) throw error;
    isComplete = false;
    notFound.clear();
  }
  const { total: failed } = counts;
  return { isComplete, redriven, failed, reasons: counts.rows(), failures, notFound: [...notFound] };
}

function isInFilter({ reason, field }: DeadLetter, filter: DeadLetterFilter): boolean {
  const { reasons } = filter;
  return (reasons === undefined || reasons.includes(reason)) && (filter.field === undefined || field === filter.field);
}

class ReasonCounts {
  readonly #counts = new Map<string, { reason: string; field: string; count: number }>();
  total = 0;

  add({ reason, field }: Omit<ReasonCount, 'count'>): void {
    const key = JSON.stringify([reason, field]);
    const entry = this.#counts.get(key) ?? { reason, field, count: 0 };
    entry.count++;
    this.total++;
    this.#counts.set(key, entry);
  }

  rows(): readonly ReasonCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}
