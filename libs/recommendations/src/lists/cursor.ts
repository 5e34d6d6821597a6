import { gunzipSync, gzipSync } from 'node:zlib';
import { isAppError } from '@facet/platform';
import { interestsMax } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { Clean } from 'typebox/value';
import { MergeFields } from '../merge.ts';
import { includeField, requestError } from '../request-fields.ts';
import { ResponseSource } from '../response.ts';
import { reasonsMax } from '../users/inferred-user.ts';
import { limitMax } from './recommendations-schema.ts';
import type { RecommendationsResponse } from './recommendations-schema.ts';

/** Bounds the memory that a forged cursor can take. A thousand ids of maximum length need much less. */
const sequenceBytesMax = 4 << 20;

/** Bounds the names that a forged cursor can write to the exposure log. */
const nameLengthMax = 128;
const armsMax = 64;

/** The reasons of each remaining item. The bundle has their titles. */
const Reasons = Type.Array(
  Type.Array(Type.Object({ itemId: Type.String(), share: Type.Number() }), { maxItems: reasonsMax }),
  { maxItems: limitMax },
);

const Interest = Type.Union([Type.Integer({ minimum: 0, maximum: interestsMax - 1 }), Type.Null()]);

/**
 * The rest of a list after a page. The caller keeps it as the cursor. So the next page is the same in every process, also
 * after a promotion and after new behaviors.
 */
const PageSequence = Type.Object({
  version: Type.Literal(3),
  recommendationId: Type.String({ maxLength: nameLengthMax }),
  /** `hashUser` of the userId; absent for a request without a userId. For the exposure log only. */
  userHash: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  bundleId: Type.String({ maxLength: nameLengthMax }),
  deltaId: Type.Optional(Type.String({ maxLength: nameLengthMax })),
  source: ResponseSource,
  arms: Type.Optional(
    Type.Record(Type.String({ pattern: `^[\\s\\S]{0,${nameLengthMax}}$` }), Type.String({ maxLength: nameLengthMax }), {
      maxProperties: armsMax,
      additionalProperties: false,
    }),
  ),
  /** The merge that made the list. */
  merge: MergeFields,
  requested: Type.Integer({ minimum: 1, maximum: limitMax }),
  /** Position of the first remaining item. */
  position: Type.Integer({ minimum: 1, maximum: limitMax }),
  pageSize: Type.Integer({ minimum: 1, maximum: limitMax }),
  /** `[itemId, score, interest]`, with the propensity of a reserved slot; the interest is null in a fallback. */
  items: Type.Array(
    Type.Union([
      Type.Tuple([Type.String(), Type.Number(), Interest]),
      Type.Tuple([Type.String(), Type.Number(), Interest, Type.Number({ minimum: 0, maximum: 1 })]),
    ]),
    { maxItems: limitMax },
  ),
  /** With explain. */
  reasons: Type.Optional(Reasons),
  /** Attributes to return with each item. */
  include: includeField,
});
export type PageSequence = Static<typeof PageSequence>;

/** Returns a sequence as text for a body or a URL. The checksum of gzip detects damage. */
export function encodeCursor(sequence: PageSequence): string {
  return gzipSync(JSON.stringify(sequence), { level: 1 }).toString('base64url');
}

const check = Compile(PageSequence);

/** @throws AppError `REQUEST_INVALID` for a cursor that is damaged or was not made by this API. */
export function decodeCursor(cursor: string): PageSequence {
  const sequence = unpack(cursor);
  if (check.Check(sequence)) return removeUnknownFields(sequence);
  throw requestError('cursor is damaged, or was not made by this API.', {
    field: 'cursor',
    remedy: 'Send nextCursor unchanged, or request the list again without a cursor.',
  });
}

/** Cursors are not signed: a forged field must not reach a response. */
function removeUnknownFields({ source, reasons, ...sequence }: PageSequence): PageSequence {
  return {
    ...sequence,
    source: Clean(ResponseSource, source) as ResponseSource,
    reasons: reasons === undefined ? undefined : (Clean(Reasons, reasons) as Static<typeof Reasons>),
  };
}

function unpack(cursor: string): unknown {
  try {
    const bytes = gunzipSync(Buffer.from(cursor, 'base64url'), { maxOutputLength: sequenceBytesMax });
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether two responses, as JSON text, are the same apart from the compression of `nextCursor`. Versions of zlib, and
 * processors, compress the same bytes differently.
 */
export function isSameResponse(text: string, other: string): boolean {
  return withUnpackedCursor(text) === withUnpackedCursor(other);
}

function withUnpackedCursor(text: string): string {
  const response = JSON.parse(text) as RecommendationsResponse;
  return JSON.stringify({ ...response, nextCursor: unpackIfKnown(response.nextCursor) });
}

/** Returns the content of a cursor, or the text of a cursor that cannot be read, such as one of another version. */
function unpackIfKnown(cursor: string | undefined): unknown {
  try {
    return cursor === undefined ? undefined : decodeCursor(cursor);
  } catch (error) {
    if (isAppError(error, 'REQUEST_INVALID')) return cursor;
    throw error;
  }
}
