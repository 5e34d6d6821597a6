export { chromiumPath, promtoolPath } from './programs.ts';
export { startKafka } from './kafka/local-kafka.ts';
export type { KafkaNode, LocalKafka, LocalKafkaOptions } from './kafka/local-kafka.ts';
export { startRedis } from './redis/local-redis.ts';
export type { LocalRedis, LocalRedisOptions } from './redis/local-redis.ts';
export { startFacetProcess } from './process/facet-process.ts';
export type { FacetProcess, FacetProcessOptions } from './process/facet-process.ts';
export { findFreePorts } from './process/free-ports.ts';
