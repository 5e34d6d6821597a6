/*
 * Stores events in a Delta Lake table and the catalog in segments, and erases users from both.
 * Start with `openLakeWriter`, `readInteractions` and `changeCatalog`.
 * Imports no `@facet/kafka` and no `@facet/features`: events arrive through `@facet/event-log`, and the caller passes the rules.
 */
export { changeCatalog, changeRecords, upsertItems, upsertUsers } from './catalog/change-catalog.ts';
export { compactCatalog } from './catalog/compact-catalog.ts';
export type { ItemsVersion } from './catalog/read-catalog.ts';
export {
  findUserInCatalog,
  openItemChanges,
  readCatalogOffsets,
  readItems,
  readItemsAsOf,
  readItemsVersion,
  readUsers,
  streamItems,
  streamUsers,
  streamUserVersions,
} from './catalog/read-catalog.ts';
export type { RecordVersion } from './catalog/segments.ts';
export { openDuckDb, queryChunks, selectRows, sqlName, sqlText, withDuckDb } from './duckdb.ts';
export type { DuckDb } from './duckdb.ts';
export { dayHealth, judgedChecks, newestLakeDays, storeDayHealth } from './health/day-health.ts';
export type { DataHealthSettings, DayHealth } from './health/health-report.ts';
export { DayHealthSchema } from './health/health-report.ts';
export { describeHealthReason, renderDayHealth } from './health/render-day-health.ts';
export { suspiciousShare, suspiciousUsersMin, UserRates } from './health/user-rates.ts';
export { sourceName } from './layout.ts';
export { compactLake } from './maintenance/compact-lake.ts';
export { listErasures, verifyErasure } from './maintenance/erasures.ts';
export type { ErasureCheck } from './maintenance/erasures.ts';
export { rebuildLake } from './maintenance/rebuild-lake.ts';
export { uploadLake } from './maintenance/upload-lake.ts';
export { verifyLake } from './maintenance/verify-lake.ts';
export type { LakeCheck } from './maintenance/verify-lake.ts';
export { countEvents, readLake, streamLake, streamLakeByOwner, streamOutcomes } from './read/read-lake.ts';
export { LakeContent, lakeStatus, listLakeFiles } from './read/lake-status.ts';
export { readInteractions } from './read/read-interactions.ts';
export type { InteractionRules, LakeInteractions } from './read/read-interactions.ts';
export { readInteractionsOnSpark } from './read/read-interactions-on-spark.ts';
export type { LakeEvent, Outcome } from './read/read-lake.ts';
export { openLakeLog } from './transaction-log/lake-log.ts';
export { transactionsPerCheckpoint } from './transaction-log/transaction-log.ts';
export { openLakeSnapshot } from './transaction-log/snapshot.ts';
export type { LakeSnapshot, LakeWindow } from './transaction-log/snapshot.ts';
export type { LakeFileEntry, LakeFileFacts } from './transaction-log/state.ts';
export { openLakeWriter } from './write/lake-writer.ts';
export type { LakeWriter } from './write/lake-writer.ts';
export { sinkLog } from './write/sink-log.ts';
