import { gunzipSync, gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { answerOrigin, AnswerBehavior, AnswerSource } from '../answer-parts.ts';
import { requestError } from '../request-error.ts';
import { limitMax } from './recommendations-schema.ts';

/** Far more than a thousand ids of the longest kind take. */
const sequenceBytesMax = 4 << 20;

/**
 * What is left of a list after a page. It travels with the caller: the next page is the same on whichever process, and
 * whatever has been promoted or has happened to the user since.
 */
const PageSequence = Type.Object({
  version: Type.Literal(1),
  recommendationId: Type.String(),
  ...answerOrigin,
  source: AnswerSource,
  arms: Type.Optional(Type.Record(Type.String(), Type.String())),
  requested: Type.Integer(),
  /** Of the first item that is left. */
  position: Type.Integer({ minimum: 0 }),
  pageSize: Type.Integer({ minimum: 1 }),
  /** `[itemId, score, interest]`, without an interest in a fallback. */
  items: Type.Array(Type.Tuple([Type.String(), Type.Number(), Type.Union([Type.Integer(), Type.Null()])]), {
    maxItems: limitMax,
  }),
  /** With explain: the reasons of an item by its interest. */
  reasons: Type.Optional(Type.Array(Type.Array(AnswerBehavior))),
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
  if (check.Check(sequence)) return sequence;
  throw requestError('cursor is not one that this API gave, or it is damaged.', {
    field: 'cursor',
    remedy: 'Send nextCursor as it came, or ask again without a cursor.',
  });
}

function unpack(cursor: string): unknown {
  try {
    const bytes = gunzipSync(Buffer.from(cursor, 'base64url'), { maxOutputLength: sequenceBytesMax });
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
