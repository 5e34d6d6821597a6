import { eventTypePattern, futureToleranceMs, idLengthMax, nestingMax, sessionUserPrefix } from '@facet/schemas';
import type { Refusal, RefusalReason } from '@facet/schemas';

const advice: Readonly<Record<RefusalReason, string>> = {
  undecodable: 'must be in a batch that can be decompressed',
  missing: 'is required',
  'not-unicode': 'must be valid Unicode, without lone surrogates',
  'not-json': 'must be one JSON text',
  'not-an-object': 'must be a JSON object',
  'not-text': 'must be text in quotes, even for numeric ids',
  empty: 'must not be empty',
  'too-long': `must have at most ${idLengthMax} characters`,
  'too-deep': `must be nested at most ${nestingMax} levels deep`,
  'too-large': 'exceeds the record size limit: omit what recommendations do not need, such as long texts in context',
  reserved: `must not begin with ${sessionUserPrefix}, which marks anonymous users: omit userId and send sessionId`,
  'key-differs': 'must equal the key of the record',
  'not-a-number': 'must be a finite number, without quotes',
  'not-a-whole-number': 'must be a whole number, without quotes',
  negative: 'must not be negative',
  'not-true-or-false': 'must be true or false, without quotes',
  'not-an-attribute': 'must be text, a finite number, true or false, or a list of texts',
  'unknown-type': `must be a standard type, or one that eventTypes in facet.yaml declares (${eventTypePattern})`,
  'not-a-time': 'must be RFC 3339 text with a zone, such as 2026-01-31T12:00:00Z, or whole epoch milliseconds',
  'time-in-seconds': 'must be in milliseconds: multiply the seconds by 1000',
  'time-out-of-range': 'must be between the years 1970 and 9999',
  'time-in-future': `must be at most ${futureToleranceMs / 3_600_000} hours ahead: check the clock and the unit`,
  'time-order-unclear': 'must be unambiguous about the order of day and month',
};

/** Returns a sentence that tells the sender how to correct a refused record. */
export function describeRefusal({ field, reason }: Refusal): string {
  return `${field === '' ? 'The record' : field} ${advice[reason]}.`;
}
