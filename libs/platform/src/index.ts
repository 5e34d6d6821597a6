export { createApiKey, hashApiKey, isKnownApiKey } from './api-keys.ts';
export { readConfigFile } from './config-file.ts';
export { AppError, describeError, isAppError } from './errors.ts';
export type { AppErrorOptions } from './errors.ts';
export { createLogger } from './logger.ts';
export type { Logger } from './logger.ts';
export { parseWith } from './parse.ts';
export { closeOnSignal } from './shutdown.ts';
