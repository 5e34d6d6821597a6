import type { TableFormat } from '../tables/table.ts';
import type { Distribution } from './distribution.ts';

/** A file that was read. */
export interface ReportFile {
  readonly path: string;
  readonly kind: 'events' | 'items' | 'users';
  readonly format: TableFormat;
  readonly bytes: number;
  /** Rows: accepted, refused and broken. */
  readonly rows: number;
  readonly accepted: number;
  /** The column of each field. */
  readonly columns: Readonly<Record<string, string>>;
  /** The type of every event in a file without a type column. */
  readonly defaultType?: string;
}

/** A place in a file of {@link ValidationReport.files}. */
export interface LineReference {
  /** Index into `files`. */
  readonly file: number;
  readonly line: number;
}

/** Refused lines with the same reason. */
export interface ReportRefusal {
  readonly kind: ReportFile['kind'];
  /** The invalid field. Empty when the line is not a row. */
  readonly field: string;
  /** One of `RefusalReason` or `BrokenReason`. */
  readonly reason: string;
  readonly count: number;
  /** The first of these lines. */
  readonly lines: readonly LineReference[];
}

/** Ids in events that the item or user file does not contain. */
export interface ReportUnknown {
  readonly ids: number;
  readonly events: number;
  readonly examples: readonly { readonly id: string; readonly events: number; readonly first: LineReference }[];
}

/** A user who looks like a bot or a shared account. */
export interface SuspiciousUser {
  readonly userId: string;
  readonly events: number;
  /** Share of all accepted events. */
  readonly share: number;
  readonly reasons: readonly ('share-of-all-events' | 'sustained-rate')[];
  /** The most events in one minute of the sustained period. */
  readonly eventsPerMinuteMax?: number;
}

export interface ReportValues {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Values and their events, ascending. Absent when there are many distinct values. */
  readonly distinct?: readonly { readonly value: number; readonly count: number }[];
}

/** The report of `facet validate` and `facet import`. Times are epoch milliseconds. */
export interface ValidationReport {
  readonly version: 1;
  readonly checkedAt: number;
  readonly files: readonly ReportFile[];
  readonly events: {
    readonly rows: number;
    readonly accepted: number;
    readonly refused: number;
    /** Accepted events that repeat an earlier id. Reads count each id once. */
    readonly duplicates: number;
  };
  readonly refusals: readonly ReportRefusal[];
  readonly time: {
    /** Of accepted events. Absent without any. */
    readonly earliest?: number;
    readonly latest?: number;
    /** Accepted events up to one day ahead of the clock. */
    readonly ahead: ReportSkew;
    /** Accepted events before 1990, from a clock that was never set or a number that is not a time. */
    readonly before1990: ReportSkew;
  };
  readonly types: readonly { readonly type: string; readonly count: number }[];
  /** Events by UTC day, ascending. */
  readonly days: readonly { readonly day: string; readonly count: number }[];
  readonly values?: ReportValues;
  readonly users: Distribution;
  readonly items: Distribution;
  /** Present when an item file was given. */
  readonly unknownItems?: ReportUnknown;
  readonly itemsWithoutEvents?: number;
  /** Present when a user file was given. */
  readonly unknownUsers?: ReportUnknown;
  readonly usersWithoutEvents?: number;
  readonly suspiciousUsers: readonly SuspiciousUser[];
}

export interface ReportSkew {
  readonly count: number;
  readonly lines: readonly LineReference[];
}
