import pino from 'pino';
import type { DestinationStream, Logger, LoggerOptions } from 'pino';

export type { Logger } from 'pino';

/** Fields removed from log lines: credentials and user ids. */
const redactedPaths = [
  'req.headers.authorization',
  'req.headers["x-api-key"]',
  'apiKey',
  '*.apiKey',
  'userId',
  '*.userId',
  'err.context.apiKey',
  'err.context.userId',
  // ioredis attaches the refused command, which can be AUTH with the password.
  'err.command',
  'err.cause.command',
];

/**
 * Creates a JSON logger on standard error, because standard output belongs to the result of a command. Messages are
 * constants; facts are fields.
 */
export function createLogger(options: { name: string; level?: string; destination?: DestinationStream }): Logger {
  const settings: LoggerOptions = {
    name: options.name,
    level: options.level ?? 'info',
    redact: { paths: redactedPaths, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(settings, options.destination ?? pino.destination({ fd: 2, sync: true }));
}
