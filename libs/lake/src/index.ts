export { readCatalogOffsets, writeCatalogOffset } from './catalog/catalog-offsets.ts';
export {
  addItemVersions,
  catalogFiles,
  changeItems,
  changeUsers,
  readItems,
  readItemsAsOf,
  readUsers,
  upsertItems,
  upsertUsers,
} from './catalog/catalog.ts';
export type { UpsertResult } from './catalog/catalog.ts';
export type { ItemsAsOf, ItemVersion } from './catalog/item-history.ts';
export { compactLake } from './compact-lake.ts';
export type { CompactOptions, CompactResult } from './compact-lake.ts';
export { openDuckDb, sqlName, sqlText, withDuckDb } from './duckdb.ts';
export type { DuckDb } from './duckdb.ts';
export { listErasures, verifyErasure } from './erasures.ts';
export type { ErasureCheck, LakeErasure } from './erasures.ts';
export { dayHealth, defaultHealthBounds, newestLakeDays } from './health/day-health.ts';
export type { DayHealthOptions } from './health/day-health.ts';
export { HealthBoundsSchema } from './health/health-bounds.ts';
export type { HealthBounds } from './health/health-bounds.ts';
export { DayHealthSchema, healthChecks } from './health/health-report.ts';
export type {
  DayHealth,
  HealthCheck,
  HealthJoin,
  HealthReason,
  HealthVerdict,
  SuspiciousDayUser,
} from './health/health-report.ts';
export { describeReason, renderDayHealth } from './health/render-day-health.ts';
export { readDayHealth, storeDayHealth } from './health/stored-health.ts';
export { suspiciousShare, suspiciousUsersMin, UserRates } from './health/user-rates.ts';
export type { LakeEvent, LakeFile, LakeWindow } from './lake-event.ts';
export { sourceName } from './lake-layout.ts';
export type { LakeSource } from './lake-layout.ts';
export type { Erasure } from './lake-record.ts';
export { openLakeSnapshot } from './lake-snapshot.ts';
export type { LakeSnapshot } from './lake-snapshot.ts';
export { lakeStatus } from './lake-status.ts';
export type { LakeDay, LakeStatus } from './lake-status.ts';
export { openLakeWriter } from './lake-writer.ts';
export type { LakeCommit, LakePending, LakeWriter, LakeWriterOptions } from './lake-writer.ts';
export { listLakeFiles, sha256File } from './list-lake-files.ts';
export { readChoices } from './read-choices.ts';
export type { ChoiceRules, EventCondition, LakeChoices } from './read-choices.ts';
export { readLake, streamLake } from './read-lake.ts';
export { rebuildLake } from './rebuild-lake.ts';
export type { RebuildOptions, RebuildResult } from './rebuild-lake.ts';
export { sinkLog } from './sink-log.ts';
export type { SinkOptions, SinkResult } from './sink-log.ts';
export { streamLakeByPerson } from './stream-lake-by-person.ts';
export type { PersonEvent } from './stream-lake-by-person.ts';
export { streamOutcomes } from './stream-outcomes.ts';
export type { Outcome } from './stream-outcomes.ts';
export { verifyLake } from './verify-lake.ts';
export type { LakeCheck, SourceCheck } from './verify-lake.ts';
