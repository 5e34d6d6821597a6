export type {
  EventLog,
  LoggedBatch,
  LoggedEvent,
  OffsetRange,
  PartitionExtent,
  PartitionRange,
  RefusedRecord,
} from './event-log.ts';
export { openFileEventLog, openFileEventLogReader } from './file-event-log.ts';
export type { FileEventLog, FileEventLogOptions } from './file-event-log.ts';
