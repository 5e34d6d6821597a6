import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { describeError, errorCategories, exitCodeOf, isAppError } from './errors.ts';
import { createLogger } from './logger.ts';
import { parseJsonIfValid } from './parse.ts';

const Announcement = Type.Union([
  Type.Object({ type: Type.Literal('listening'), url: Type.String() }),
  /** `bundleId`: the live bundle of serving. */
  Type.Object({ type: Type.Literal('ready'), url: Type.String(), bundleId: Type.Optional(Type.String()) }),
]);
/** A report of an app to the process that started it. */
export type Announcement = Static<typeof Announcement>;

/** Reports the state of this app: one JSON line on standard output, and a message if the parent process has an IPC channel. */
export function announce(announcement: Announcement): void {
  const { type, ...facts } = announcement;
  process.stdout.write(`${JSON.stringify({ msg: type, ...facts })}\n`);
  process.send?.(announcement);
}

/** Returns the announcement in a message of a child process, or undefined for another message. */
export function parseAnnouncement(message: unknown): Announcement | undefined {
  return Value.Check(Announcement, message) ? message : undefined;
}

/** The level `fatal` of pino. */
const fatalLevel = 60;

const FatalLine = Type.Object({
  level: Type.Literal(fatalLevel),
  /** Absent for an error that is no `AppError`. */
  code: Type.Optional(Type.String()),
  category: Type.Optional(Type.Enum(errorCategories)),
  problem: Type.String(),
});
/** The log line with which an app ends. */
export type FatalLine = Static<typeof FatalLine>;

/**
 * Logs a {@link FatalLine} and ends the process with the exit code of the error.
 *
 * @param failure what the app could not do, such as `cannot start`
 */
export function exitWithError(error: unknown, name: string, failure: string): never {
  const { code, category } = isAppError(error) ? error : {};
  createLogger({ name }).fatal({ code, category, problem: describeError(error), err: error }, failure);
  process.exit(exitCodeOf(error));
}

/** Returns the facts of a {@link FatalLine}, or undefined for another log line. */
export function parseFatalLine(line: string): FatalLine | undefined {
  const parsed = parseJsonIfValid(line);
  return Value.Check(FatalLine, parsed) ? parsed : undefined;
}
