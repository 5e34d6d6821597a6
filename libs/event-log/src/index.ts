/*
 * Defines the event log as a port, and implements it in files.
 * Start with `openFileEventLog`, `openFileEventLogReader` and `eraseFromFileEventLog`.
 * Imports no `@facet/kafka` and no `@facet/lake`: these libs implement and read this port.
 */
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
