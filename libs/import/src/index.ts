/*
 * Reads files of events and items, checks them, and imports them into a data home.
 * Start with `importFiles`, `validateFiles` and `readCatalogFiles`.
 * Imports no `@facet/kafka` and no `@facet/config`: the caller passes the event log and the mapping.
 */
export { importFiles } from './import-files.ts';
export type { ImportFolders, ImportProgress, ImportResult } from './import-files.ts';
export { findImportTraces, removeImportRemains } from './import-record.ts';
export type { ErasedImports } from './import-record.ts';
export { readConfirmedCatalog, readConfirmedEvents, validateFiles } from './read-confirmed-files.ts';
export { readCatalogFiles } from './read-files.ts';
export type { ReadOptions, ReadProgress, RefusedLine, SourceFile, SourceFiles } from './read-files.ts';
export { eventFieldNames } from './mapping/find-columns.ts';
export { readTextLines } from './tables/byte-source.ts';
export { findAllFiles, isTableFile } from './tables/open-table.ts';
export { fileKinds } from './tables/formats.ts';
export type { FileKind, TableFormat } from './tables/formats.ts';
export {
  learningSection,
  refusalSections,
  renderValidationReport,
  warningSections,
} from './validation/render-report.ts';
export { ReportBuilder } from './validation/report-builder.ts';
export type { ValidationReport } from './validation/report.ts';
