export { chromiumPath } from './programs.ts';
export { startKafka } from './kafka/local-kafka.ts';
export type { KafkaNode, LocalKafka, LocalKafkaOptions } from './kafka/local-kafka.ts';
export { startRedis } from './redis/local-redis.ts';
export type { LocalRedis, LocalRedisOptions } from './redis/local-redis.ts';
