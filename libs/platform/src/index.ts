export { addApiKey, readApiKeys, removeApiKey, replaceApiKey, rotateApiKey } from './api-key-file.ts';
export type { AccessSource } from './api-key-file.ts';
export { answerChallenge, createApiKey, findApiKey, hashApiKey, hasScope, proveApiKey, scopes } from './api-keys.ts';
export type { ApiKey, Scope } from './api-keys.ts';
export { createFileAtomically, createFolder, syncPath, writeFileAtomically } from './atomic-file.ts';
export { fromSentError, toSentError } from './child-process/messages.ts';
export type { SentError } from './child-process/messages.ts';
export { runChild } from './child-process/run-child.ts';
export type { ChildDeath, ChildOptions } from './child-process/run-child.ts';
export { serveOrder } from './child-process/serve-order.ts';
export { readConfigFile, readYamlFile } from './config-file.ts';
export { describeProblem, fieldOf, invalidConfig, problemsOf } from './config-problem.ts';
export type { ConfigProblem, FieldPath } from './config-problem.ts';
export { readSecret, tlsOptions } from './connection-files.ts';
export type { CertificateFiles, TlsFiles } from './connection-files.ts';
export { dot } from './dot.ts';
export { AppError, describeError, exitCodeOf, httpStatusOf, isAppError, isErrorCategory } from './errors.ts';
export type { ErrorCategory } from './errors.ts';
export { FingerprintSet } from './fingerprint-set.ts';
export { takeFolderLock, waitForFolderLock } from './folder-lock.ts';
export type { FolderLock } from './folder-lock.ts';
export { hashFile } from './hash-file.ts';
export { isProcessRunning } from './is-process-running.ts';
export { inSlices, rowsPerSlice } from './in-slices.ts';
export { createLogger } from './logger.ts';
export type { Logger } from './logger.ts';
export { mapConcurrently } from './map-concurrently.ts';
export { nearestName, plainName, suggestName } from './nearest-name.ts';
export { countOf, formatBytes, formatCount } from './quantities.ts';
export { parseEnvironment, parseWith } from './parse.ts';
export { listNames, pathExists, readTextIfExists } from './read-if-exists.ts';
export { parseRedisUrl, redisUrlForms } from './redis-address.ts';
export type { RedisAddress } from './redis-address.ts';
export { createRedis, onConnectionError } from './redis-client.ts';
export type { RedisFiles } from './redis-client.ts';
export { redisProblemOf } from './redis-problems.ts';
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
export { createTemporaryFolder } from './temporary-folder.ts';
export { alignColumns, barChart, formatNumber, formatShare, section } from './text-table.ts';
export { tlsProblemOf } from './tls-problems.ts';
export { dayMs, hourMs, minuteMs, repeat, utcDay } from './time.ts';
export { unlessAborted } from './unless-aborted.ts';
