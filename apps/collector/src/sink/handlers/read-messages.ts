import type { Refusal } from '@facet/schemas';
import type { RefusedMessage } from '../dead-letters.ts';
import type { LogMessage } from '../log-message.ts';

/** Parses messages in their order, hands on what they hold, and returns those that cannot be used. */
export function readMessages<Parsed extends { readonly ok: true }>(
  messages: readonly LogMessage[],
  parse: (message: LogMessage) => Parsed | Refusal,
  take: (parsed: Parsed, message: LogMessage) => void,
): RefusedMessage[] {
  const refused: RefusedMessage[] = [];
  for (const message of messages) {
    const parsed = parse(message);
    if (parsed.ok) take(parsed, message);
    else refused.push({ message, field: parsed.field, reason: parsed.reason });
  }
  return refused;
}
