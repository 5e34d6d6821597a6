import type { EventLog } from '@facet/event-log';
import type { RefusalReason } from '@facet/schemas';

/** Returns the log as a stricter reader sees it: it refuses records, and then streams no event of the `lost` offsets. */
export function strictLog(
  log: EventLog,
  refusals: readonly { readonly offset: number; readonly reason: RefusalReason }[],
  isLost: (offset: number) => boolean,
): EventLog {
  return {
    topic: log.topic,
    append: (added) => log.append(added),
    extents: () => log.extents(),
    offsetsAt: (time) => log.offsetsAt(time),
    async *stream(ranges, options) {
      for await (const batch of log.stream(ranges, options)) {
        const first = batch.next - batch.events.length;
        yield {
          ...batch,
          events: batch.events.filter(({ offset }) => !isLost(offset)),
          refused: refusals
            .filter(({ offset }) => offset >= first && offset < batch.next)
            .map((refusal) => ({ ...refusal, ok: false, field: '' })),
        };
      }
    },
    close: () => log.close(),
  };
}
