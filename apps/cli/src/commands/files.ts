import type { SourceFiles } from '@facet/import';
import type { CommonOptions } from '../command-context.ts';

/** The options of commands that read a user's files. */
export interface FileOptions extends CommonOptions {
  readonly events: readonly string[];
  readonly items?: readonly string[];
  readonly users?: readonly string[];
}

export function sourceFiles({ events, items, users }: FileOptions): SourceFiles {
  return { events, ...(items === undefined ? {} : { items }), ...(users === undefined ? {} : { users }) };
}
