/*
 * Contains what all parts share: errors, parsing, atomic files, API keys and shutdown.
 * Start with `parseWith`, `createFileAtomically` and `closeOnSignal`.
 * Imports no `@facet/*`: every other lib may import this one.
 */
export { addApiKey, readApiKeys, removeApiKey, replaceApiKey, rotateApiKey } from './api-key-file.ts';
export type { AccessSource } from './api-key-file.ts';
export { answerChallenge, createApiKey, findApiKey, hashApiKey, hasScope, proveApiKey, scopes } from './api-keys.ts';
export type { ApiKey, Scope } from './api-keys.ts';
export { announce, exitWithError, parseAnnouncement, parseFatalLine } from './app-process.ts';
export type { Announcement, FatalLine } from './app-process.ts';
export { fromSentError, runChild, serveOrder, toSentError } from './child-process.ts';
export type { ChildOptions, SentError } from './child-process.ts';
export { inSlices, mapConcurrently, oncePerKey, rowsPerSlice, unlessAborted } from './concurrency.ts';
export { readConfigFile, readYamlFile } from './config-file.ts';
export { dot } from './dot.ts';
export { AppError, describeError, exitCodeOf, httpStatusOf, isAppError } from './errors.ts';
export type { ErrorCategory } from './errors.ts';
export {
  createFileAtomically,
  createFolder,
  hashFile,
  ignoreMissing,
  listNames,
  pathExists,
  readJsonIfIntact,
  readTextIfExists,
  syncPath,
  writeFileAtomically,
} from './files.ts';
export { FingerprintSet } from './fingerprint-set.ts';
export { createTemporaryFolder, isProcessRunning, takeFolderLock, waitForFolderLock } from './folders.ts';
export type { FolderLock } from './folders.ts';
export { createLogger } from './logger.ts';
export type { Logger } from './logger.ts';
export { nearestName, plainName, suggestName } from './nearest-name.ts';
export {
  describeConfigProblem,
  fieldOf,
  invalidConfig,
  parseEnvironment,
  parseJsonIfValid,
  parseWith,
  problemsOf,
} from './parse.ts';
export type { ConfigProblem, FieldPath } from './parse.ts';
export { countOf, formatBytes, formatCount } from './quantities.ts';
export { createRedis, onConnectionError, parseRedisUrl, redisProblemOf, redisUrlForms } from './redis.ts';
export type { RedisAddress, RedisFiles } from './redis.ts';
export { readS3Config, s3ConfigName } from './s3/s3-config.ts';
export type { S3Config } from './s3/s3-config.ts';
export {
  anyNamePattern,
  byStrictness,
  epochMs,
  epochMsMax,
  recordOf,
  strictnesses,
  strictnessFields,
} from './schema-parts.ts';
export type { Strictness } from './schema-parts.ts';
export { closeOnSignal, openWithClosers } from './shutdown.ts';
export { alignColumns, barChart, formatNumber, formatShare, section } from './text-table.ts';
export { dayMs, hourMs, minuteMs, repeat, utcDay } from './time.ts';
export { readSecret, tlsOptions, tlsProblemOf } from './tls.ts';
export type { CertificateFiles, TlsFiles } from './tls.ts';
