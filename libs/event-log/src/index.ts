export type {
  EventLog,
  LoggedBatch,
  LoggedEvent,
  PartitionExtent,
  PartitionRange,
  RefusedRecord,
} from './event-log.ts';
export { eraseFromFileEventLog, fileLogTopic, openFileEventLog, openFileEventLogReader } from './file-event-log.ts';
export type { EraseEventsResult, FileEventLog } from './file-event-log.ts';
export { isSegmentCopy } from './segment.ts';
