import type { TableFormat } from '../tables/table.ts';
import type { Distribution } from './distribution.ts';

/** One file that was read. */
export interface ReportFile {
  readonly path: string;
  readonly kind: 'events' | 'items' | 'users';
  readonly format: TableFormat;
  readonly bytes: number;
  /** Data lines: accepted, refused and broken. */
  readonly rows: number;
  readonly accepted: number;
  /** Which column each field was read from. */
  readonly columns: Readonly<Record<string, string>>;
  /** The type given to every event of a file without a type column. */
  readonly defaultType?: string;
}

/** A place in a file of {@link ValidationReport.files}. */
export interface LineReference {
  /** Index into `files`. */
  readonly file: number;
  readonly line: number;
}

/** Lines that were not taken, by reason. */
export interface ReportRefusal {
  readonly kind: ReportFile['kind'];
  /** The field at fault; empty when the line is no row at all. */
  readonly field: string;
  /** A stable word; see `RefusalReason` and `BrokenReason`. */
  readonly reason: string;
  readonly count: number;
  /** The first of them. */
  readonly lines: readonly LineReference[];
}

/** Members of one side that the other side does not know. */
export interface ReportUnknown {
  readonly ids: number;
  readonly events: number;
  readonly examples: readonly { readonly id: string; readonly events: number; readonly first: LineReference }[];
}

/** A user who looks like a program or a shared account. */
export interface SuspiciousUser {
  readonly userId: string;
  readonly events: number;
  /** Of all accepted events. */
  readonly share: number;
  readonly reasons: readonly ('share-of-all-events' | 'sustained-rate')[];
  /** The most events in one minute of the sustained stretch. */
  readonly eventsPerMinuteMax?: number;
}

export interface ReportValues {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Each value and its events, ascending, when there are few. */
  readonly distinct?: readonly { readonly value: number; readonly count: number }[];
}

/** What `facet validate` finds and `facet import` keeps. Times are epoch milliseconds. */
export interface ValidationReport {
  readonly version: 1;
  readonly checkedAt: number;
  readonly files: readonly ReportFile[];
  readonly events: {
    readonly rows: number;
    readonly accepted: number;
    readonly refused: number;
    /** Accepted events whose id came before: they count once when data is read. */
    readonly duplicates: number;
  };
  readonly refusals: readonly ReportRefusal[];
  readonly time: {
    /** Of accepted events; absent when there are none. */
    readonly earliest?: number;
    readonly latest?: number;
    /** Accepted events ahead of the clock, by at most a day. */
    readonly ahead: ReportSkew;
    /** Accepted events before 1990: a clock that was never set, or a number that is no time. */
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
