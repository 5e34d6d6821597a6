export type {
  EventLog,
  LoggedBatch,
  LoggedEvent,
  PartitionExtent,
  PartitionRange,
  RefusedRecord,
} from './event-log.ts';
export { openFileEventLog, openFileEventLogReader } from './file-event-log.ts';
export type { FileEventLog } from './file-event-log.ts';
