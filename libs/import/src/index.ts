export { importFiles } from './import-files.ts';
export type { ImportFolders, ImportProgress, ImportResult } from './import-files.ts';
export { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
export type { ReadOptions, ReadProgress, SourceFiles } from './read-files.ts';
export type { ReadBounds } from './tables/read-bounds.ts';
export { validateFiles } from './validate-files.ts';
export { renderValidationReport } from './validation/render-report.ts';
export { ReportBuilder } from './validation/report-builder.ts';
export type { ValidationReport } from './validation/report.ts';
