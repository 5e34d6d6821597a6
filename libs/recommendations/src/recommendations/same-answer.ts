import { isAppError } from '@facet/platform';
import { decodeCursor } from './pages.ts';
import type { RecommendationsAnswer } from './recommendations-schema.ts';

/**
 * Whether two answers, as JSON text, are the same but for how the bytes of `nextCursor` are packed. Another version of zlib, or
 * another processor, packs the same list otherwise.
 */
export function isSameWhenUnpacked(text: string, other: string): boolean {
  return withOpenCursor(text) === withOpenCursor(other);
}

function withOpenCursor(text: string): string {
  const answer = JSON.parse(text) as RecommendationsAnswer;
  return JSON.stringify({ ...answer, nextCursor: openCursor(answer.nextCursor) });
}

/** What a cursor holds; one that cannot be read, as of another version of Facet, stands for itself. */
function openCursor(cursor: string | undefined): unknown {
  try {
    return cursor === undefined ? undefined : decodeCursor(cursor);
  } catch (error) {
    if (isAppError(error, 'REQUEST_INVALID')) return cursor;
    throw error;
  }
}
