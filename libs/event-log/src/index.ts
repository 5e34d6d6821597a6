export type {
  EventLog,
  LoggedBatch,
  LoggedEvent,
  PartitionExtent,
  PartitionRange,
  RefusedRecord,
} from './event-log.ts';
export { eraseFromFileEventLog } from './erase-events.ts';
export type { EraseEventsResult } from './erase-events.ts';
export { fileLogTopic, openFileEventLog, openFileEventLogReader } from './file-event-log.ts';
export type { FileEventLog } from './file-event-log.ts';
export { isSegmentCopy } from './segment.ts';
