export { importFiles } from './import-files.ts';
export type { ImportFolders, ImportOptions, ImportProgress, ImportResult, ImportSource } from './import-files.ts';
export { ColumnMappingSchema } from './mapping/column-mapping.ts';
export type { ColumnMapping, ItemMapping, UserMapping } from './mapping/column-mapping.ts';
export { contentEventId } from './mapping/content-event-id.ts';
export { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
export type { ReadOptions, ReadProgress, SourceFile, SourceFiles } from './read-files.ts';
export { openTable } from './tables/open-table.ts';
export type { OpenTableOptions } from './tables/open-table.ts';
export { tableFormats } from './tables/table.ts';
export type { BrokenLine, Table, TableChunk, TableColumn, TableFormat, TableRow } from './tables/table.ts';
export { validateFiles } from './validate-files.ts';
export type { ValidateOptions } from './validate-files.ts';
export type { Distribution } from './validation/distribution.ts';
export { FingerprintSet } from './validation/fingerprint-set.ts';
export { renderValidationReport } from './validation/render-report.ts';
export { ReportBuilder } from './validation/report-builder.ts';
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
