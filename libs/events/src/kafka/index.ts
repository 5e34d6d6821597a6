export { connectKafka } from './connect-kafka.ts';
export type { KafkaConnection, KafkaOptions } from './connect-kafka.ts';
export { ensureTopics } from './ensure-topics.ts';
export type { EnsureTopicsOptions } from './ensure-topics.ts';
export type { LogRecord } from './publish-queue.ts';
export { openKafkaPublisher } from './publisher.ts';
export type { Publisher, PublisherOptions } from './publisher.ts';
export { topicNames } from './topics.ts';
export type { TopicNames } from './topics.ts';
