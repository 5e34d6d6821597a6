import { refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The JSON value of a record, which may be anything. */
export function parseJson(value: Uint8Array | null): { ok: true; value: unknown } | Refusal {
  if (value === null) return refuse('', 'missing');
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return refuse('', 'not-unicode');
  }
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return refuse('', 'not-json');
  }
}
