import { hashUser } from '@facet/schemas';
import { uniformOf } from '../experiments/assign-arms.ts';
import type { Arms } from '../experiments/assign-arms.ts';

/** What an API answered once: a line of the exposure log. Each page of a list has its own, with the same id. */
export interface ExposureRecord {
  readonly recommendationId: string;
  /** Epoch milliseconds. */
  readonly answeredAt: number;
  readonly bundleId: string;
  readonly deltaId?: string;
  /** Of the first page. */
  readonly userId?: string;
  /** `hashUser` of the id: of a further page, as its cursor has no id. */
  readonly userHash?: string;
  /** By experiment. */
  readonly arms: Arms;
  /** Where the answer came from: the model, or a fallback and why. */
  readonly source: { readonly kind: string; readonly reason?: string };
  /** How the lists of the interests became one. */
  readonly merge: unknown;
  /** [n] as answered. */
  readonly items: readonly string[];
  /** [n] the interest that found each; null where none did. */
  readonly interests: readonly (number | null)[];
  /** Place of the first item within its page sequence. */
  readonly offset: number;
  /** Of the API key. */
  readonly keyName?: string;
  /** Of a sampled answer: all that it takes to make it again. */
  readonly sampled?: SampledAnswer;
  /** What arms that nobody sees would have answered. */
  readonly shadow?: readonly ShadowAnswer[];
}

export interface SampledAnswer {
  /** As parsed. */
  readonly request: unknown;
  /** What was read of the stored profile, events and attributes; absent when nothing was. */
  readonly profile?: unknown;
  /** The clock of the answer, epoch milliseconds. */
  readonly now: number;
  /** The bundle that was live, where that of an arm answered: it says, with the delta, what was offered. */
  readonly liveBundleId?: string;
  /** The JSON text of the answer, byte for byte. */
  readonly answer: string;
}

export interface ShadowAnswer {
  readonly experiment: string;
  readonly arm: string;
  readonly bundleId: string;
  readonly items: readonly string[];
  readonly interests: readonly (number | null)[];
}

/** The line of a record, with its line break. */
export function serializeExposure(record: ExposureRecord): string {
  // The id stands first, where a search for it finds it without parsing.
  const { recommendationId, answeredAt, ...rest } = record;
  return `${JSON.stringify({ recommendationId, answeredAt, ...rest })}\n`;
}

/** The record of a line; undefined for one that is damaged. */
export function parseExposure(line: string): ExposureRecord | undefined {
  try {
    const value = JSON.parse(line) as Partial<ExposureRecord> | null;
    return value !== null && isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: Partial<ExposureRecord>): value is ExposureRecord {
  return (
    typeof value.recommendationId === 'string' &&
    Number.isFinite(value.answeredAt) &&
    typeof value.arms === 'object' &&
    Array.isArray(value.items) &&
    Array.isArray(value.interests)
  );
}

/** `hashUser` of whom a record is of; undefined for nobody's. */
export function userHashOf({ userId, userHash }: Pick<ExposureRecord, 'userId' | 'userHash'>): string | undefined {
  return userId === undefined ? userHash : hashUser(userId);
}

/** Whether an answer is one of the share whose whole request is kept: it follows from its id. */
export function isSampled(recommendationId: string, share: number): boolean {
  return uniformOf('sampled', recommendationId) < share;
}
