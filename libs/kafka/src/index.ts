/*
 * Implements the event log on Kafka, and publishes, reads and redrives records of the topics.
 * Start with `openKafkaEventLog`, `openKafkaPublisher` and `ensureTopics`.
 * Imports no `@facet/lake` and no `@facet/profiles`: the sink passes records to them.
 */
export { connectKafka } from './connect-kafka.ts';
export type { KafkaConnection } from './connect-kafka.ts';
export { deadLetter, deadLetterRecord, FoundDeadLetterSchema, readDeadLetters } from './dead-letters.ts';
export type { DeadLetter } from './dead-letters.ts';
export {
  findDeadLetter,
  ReasonCountSchema,
  redrive,
  RedriveReportSchema,
  summarizeDeadLetters,
} from './dead-letter-reports.ts';
export type { RedriveReport } from './dead-letter-reports.ts';
export { findUserInTopic, topicsOfUsers } from './find-user.ts';
export { installationMetadata, readGroupInstallations, fetchExtents } from './offsets.ts';
export { refusalOf, unreachable } from './kafka-errors.ts';
export { openKafkaEventLog } from './kafka-event-log.ts';
export { openKafkaPublisher } from './publisher.ts';
export type { LogRecord, Publisher } from './publisher.ts';
export { readRecords } from './read-records.ts';
export type { BatchMessage } from './record-batches.ts';
export { ensureTopics, isTopicOfUsers, sinkGroupOf, topicNames, topics } from './topics.ts';
export type { SinkTopic, TopicNames } from './topics.ts';
