import { gunzipSync, gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { Clean } from 'typebox/value';
import { AnswerBehavior, AnswerSource } from '../answer-parts.ts';
import { interestsMax, MergeFields } from '../merge-fields.ts';
import { requestError } from '../request-error.ts';
import { limitMax } from './recommendations-schema.ts';

/** Far more than a thousand ids of the longest kind take. */
const sequenceBytesMax = 4 << 20;

/** Bounds of what is written down of a cursor that somebody made: of ids and names, and of experiments at a time. */
const nameLengthMax = 128;
const armsMax = 64;

/** The behaviors named as the reasons of an item. */
export const reasonsMax = 3;

const Reasons = Type.Array(Type.Array(AnswerBehavior, { maxItems: reasonsMax }), { maxItems: interestsMax });

/**
 * What is left of a list after a page. It travels with the caller: the next page is the same on whichever process, and
 * whatever has been promoted or has happened to the user since.
 */
const PageSequence = Type.Object({
  version: Type.Literal(2),
  recommendationId: Type.String({ maxLength: nameLengthMax }),
  /** `hashUser` of whom the list is for; absent for a request without a userId. Nothing of an answer follows from it. */
  userHash: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  bundleId: Type.String({ maxLength: nameLengthMax }),
  deltaId: Type.Optional(Type.String({ maxLength: nameLengthMax })),
  source: AnswerSource,
  arms: Type.Optional(
    Type.Record(Type.String({ pattern: `^[\\s\\S]{0,${nameLengthMax}}$` }), Type.String({ maxLength: nameLengthMax }), {
      maxProperties: armsMax,
      additionalProperties: false,
    }),
  ),
  /** How the list was made. */
  merge: MergeFields,
  requested: Type.Integer({ minimum: 1, maximum: limitMax }),
  /** Of the first item that is left. */
  position: Type.Integer({ minimum: 1, maximum: limitMax }),
  pageSize: Type.Integer({ minimum: 1, maximum: limitMax }),
  /** `[itemId, score, interest]`, without an interest in a fallback. */
  items: Type.Array(
    Type.Tuple([
      Type.String(),
      Type.Number(),
      Type.Union([Type.Integer({ minimum: 0, maximum: interestsMax - 1 }), Type.Null()]),
    ]),
    { maxItems: limitMax },
  ),
  /** With explain: the reasons of an item by its interest. */
  reasons: Type.Optional(Reasons),
});
export type PageSequence = Static<typeof PageSequence>;

/** A sequence as text for a URL or a body. The checksum of gzip tells a damaged one. */
export function encodeCursor(sequence: PageSequence): string {
  return gzipSync(JSON.stringify(sequence), { level: 1 }).toString('base64url');
}

const check = Compile(PageSequence);

/** @throws AppError `REQUEST_INVALID` for what is no cursor, or is damaged. */
export function decodeCursor(cursor: string): PageSequence {
  const sequence = unpack(cursor);
  if (check.Check(sequence)) return withoutMore(sequence);
  throw requestError('cursor is not one that this API gave, or it is damaged.', {
    field: 'cursor',
    remedy: 'Send nextCursor as it came, or ask again without a cursor.',
  });
}

/** A cursor is not signed: what somebody has put beside the fields gets into no answer. */
function withoutMore({ source, reasons, ...sequence }: PageSequence): PageSequence {
  return {
    ...sequence,
    source: Clean(AnswerSource, source) as AnswerSource,
    ...(reasons === undefined ? {} : { reasons: Clean(Reasons, reasons) as Static<typeof Reasons> }),
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
