export {
  AttributesSchema,
  AttributeValueSchema,
  countedField,
  EventSchema,
  eventTypePattern,
  futureToleranceMs,
  IdentifierSchema,
  identifyType,
  idLengthMax,
  isAttributeValue,
  isEventType,
  ItemSchema,
  jsonSchemas,
  keyOf,
  nestingMax,
  parseEvent,
  parseItem,
  parseLogged,
  parseLoggedErasure,
  parseLoggedIntake,
  parseLoggedItem,
  parseLoggedUser,
  parseUser,
  refusalReasons,
  refuse,
  serializeErasure,
  serializeEvent,
  serializeIntake,
  serializeItem,
  serializeUser,
  sessionUserPrefix,
  standardEventTypes,
  UserIdentifierSchema,
  UserSchema,
} from './schemas/index.ts';
export type {
  Attributes,
  AttributeValue,
  ErasureRequest,
  Event,
  EventInput,
  Item,
  ItemInput,
  ParseEventOptions,
  Refusal,
  RefusalReason,
  User,
  UserInput,
} from './schemas/index.ts';
export type {
  EventLog,
  LoggedBatch,
  LoggedEvent,
  OffsetRange,
  PartitionExtent,
  PartitionRange,
  RefusedRecord,
} from './event-log/event-log.ts';
export { openFileEventLog, openFileEventLogReader } from './event-log/file-event-log.ts';
export type { FileEventLog, FileEventLogOptions } from './event-log/file-event-log.ts';
export { listLakeFiles } from './lake/list-lake-files.ts';
export { readLake, streamLake } from './lake/read-lake.ts';
export { readChoices } from './lake/read-choices.ts';
export type { ChoiceRules, EventCondition, LakeChoices } from './lake/read-choices.ts';
export { streamLakeByPerson } from './lake/stream-lake-by-person.ts';
export type { PersonEvent } from './lake/stream-lake-by-person.ts';
export { streamOutcomes } from './lake/stream-outcomes.ts';
export type { Outcome } from './lake/stream-outcomes.ts';
export { sinkLog } from './lake/sink-log.ts';
export type { SinkOptions, SinkResult } from './lake/sink-log.ts';
export { openLakeWriter } from './lake/lake-writer.ts';
export type { LakeCommit, LakePending, LakeWriter, LakeWriterOptions } from './lake/lake-writer.ts';
export { compactLake } from './lake/compact-lake.ts';
export type { CompactOptions, CompactResult } from './lake/compact-lake.ts';
export { hashUser, listErasures, verifyErasure } from './lake/erasures.ts';
export type { ErasureCheck, LakeErasure } from './lake/erasures.ts';
export { rebuildLake } from './lake/rebuild-lake.ts';
export type { RebuildOptions, RebuildResult } from './lake/rebuild-lake.ts';
export { lakeStatus } from './lake/lake-status.ts';
export type { LakeDay, LakeStatus } from './lake/lake-status.ts';
export { verifyLake } from './lake/verify-lake.ts';
export type { LakeCheck, SourceCheck } from './lake/verify-lake.ts';
export { openLakeSnapshot } from './lake/lake-snapshot.ts';
export type { LakeSnapshot } from './lake/lake-snapshot.ts';
export { sourceName } from './lake/lake-layout.ts';
export type { LakeSource } from './lake/lake-layout.ts';
export type { Erasure, IntakeCount } from './lake/lake-record.ts';
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
export { readCatalogOffsets, writeCatalogOffset } from './catalog/catalog-offsets.ts';
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
export { contentEventId } from './content-event-id.ts';
export { eventsHome, importFiles } from './import/import-files.ts';
export type { EventsHome, ImportOptions, ImportProgress, ImportResult, ImportSource } from './import/import-files.ts';
export { validateFiles } from './import/validate-files.ts';
export type { ValidateOptions } from './import/validate-files.ts';
export { readEventFiles, readItemFiles, readUserFiles } from './import/read-files.ts';
export type { ReadOptions, ReadProgress, SourceFile, SourceFiles } from './import/read-files.ts';
export { ColumnMappingSchema } from './mapping/column-mapping.ts';
export type { ColumnMapping, ItemMapping, UserMapping } from './mapping/column-mapping.ts';
export { openTable } from './tables/open-table.ts';
export type { OpenTableOptions } from './tables/open-table.ts';
export { tableFormats } from './tables/table.ts';
export type { BrokenLine, Table, TableChunk, TableColumn, TableFormat, TableRow } from './tables/table.ts';
export { renderValidationReport } from './validation/render-report.ts';
export { FingerprintSet } from './validation/fingerprint-set.ts';
export { ReportBuilder } from './validation/report-builder.ts';
export type { Distribution } from './validation/distribution.ts';
export type {
  LineReference,
  ReportFile,
  ReportRefusal,
  ReportSkew,
  ReportUnknown,
  ReportValues,
  SuspiciousUser,
  ValidationReport,
} from './validation/report.ts';
export type { LakeEvent, LakeFile, LakeWindow } from './lake/lake-event.ts';
