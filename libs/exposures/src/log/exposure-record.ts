import { hashUser } from '@facet/schemas';
import { uniformOf } from '../experiments/experiment.ts';
import type { Arms } from '../experiments/experiment.ts';

/**
 * A line of the exposure log: one API response. Each page of a list has its own record with the same recommendationId.
 */
export interface ExposureRecord {
  readonly recommendationId: string;
  /** Epoch milliseconds. */
  readonly respondedAt: number;
  readonly bundleId: string;
  readonly deltaId?: string;
  /** On the first page only. */
  readonly userId?: string;
  /** `hashUser` of the user id. On later pages, because a cursor does not contain the id. */
  readonly userHash?: string;
  /** Arm by experiment. */
  readonly arms: Arms;
  /** Origin of the response: the model, or a fallback with its reason. */
  readonly source: { readonly kind: string; readonly reason?: string };
  /** How the candidate lists of the interests were merged. */
  readonly merge: unknown;
  /** [n] item ids, as returned. */
  readonly items: readonly string[];
  /** [n] index of the interest of each item, from 0; null for none. */
  readonly interests: readonly (number | null)[];
  /** [n] the probability that `explore` draws the item for the list; null for items that it did not draw. Absent without drawn items. */
  readonly propensities?: readonly (number | null)[];
  /** Position of the first item within the whole list. */
  readonly offset: number;
  /** Name of the API key. */
  readonly keyName?: string;
  /** On sampled responses: everything needed to reproduce the response. */
  readonly sampled?: SampledResponse;
  /** Responses of shadow arms. */
  readonly shadow?: readonly ShadowResponse[];
}

export interface SampledResponse {
  /** The parsed request. */
  readonly request: unknown;
  /** The stored profile, events and attributes that were read; absent if nothing was read. */
  readonly profile?: unknown;
  /** Clock of the response, epoch milliseconds. */
  readonly now: number;
  /** Live bundle while the bundle of an arm responded. With the delta, it determines which items were available. */
  readonly liveBundleId?: string;
  /** JSON text of the response, byte for byte. */
  readonly response: string;
}

export interface ShadowResponse {
  readonly experiment: string;
  readonly arm: string;
  readonly bundleId: string;
  readonly items: readonly string[];
  readonly interests: readonly (number | null)[];
}

/** Returns the line of a record, including its line feed. */
export function serializeExposure(record: ExposureRecord): string {
  // The id comes first, so that a text search finds it without parsing.
  const { recommendationId, respondedAt, ...rest } = record;
  return `${JSON.stringify({ recommendationId, respondedAt, ...rest })}\n`;
}

/** Returns the record of a line; undefined for a damaged line. */
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
    Number.isFinite(value.respondedAt) &&
    typeof value.arms === 'object' &&
    Array.isArray(value.items) &&
    Array.isArray(value.interests)
  );
}

/** Returns `hashUser` of the record's user; undefined without a user. */
export function userHashOf({ userId, userHash }: Pick<ExposureRecord, 'userId' | 'userHash'>): string | undefined {
  return userId === undefined ? userHash : hashUser(userId);
}

/** Returns whether the whole request of a response is recorded. The id decides, so pages and processes agree. */
export function isSampled(recommendationId: string, share: number): boolean {
  return uniformOf('sampled', recommendationId) < share;
}
