import type { FileKind, TableFormat } from '../tables/formats.ts';

/** A file that was read. */
export interface ReportFile {
  readonly path: string;
  readonly kind: FileKind;
  readonly format: TableFormat;
  readonly bytes: number;
  /** Rows: accepted, refused and broken. */
  readonly rows: number;
  readonly accepted: number;
  /** The column of each field. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns that could be a required field too, but are not used. */
  readonly otherCandidates: Readonly<Record<string, readonly string[]>>;
  /** The type of every event in a file without a type column. */
  readonly defaultType?: string;
}

/** A line in a file of {@link ValidationReport.files}. */
export interface LineReference {
  /** Index into `files`. */
  readonly file: number;
  readonly line: number;
}

/** Values of an optional field that cannot be read. Their records are kept without the field. */
export interface ReportIgnored {
  readonly kind: FileKind;
  /** Empty for the columns without a field, and when the line is not a row. */
  readonly field: string;
  /** A `RefusalReason`, a `BrokenReason` or `missing-word`. */
  readonly reason: string;
  readonly count: number;
  /** The first of these lines. */
  readonly lines: readonly LineReference[];
  /** Distinct values, shortened. */
  readonly samples: readonly string[];
  /** If the value is an object: the path inside it to map, such as `user.id`. */
  readonly nestedPath?: string;
}

/** Refused lines with the same reason. Has samples if another setting could read the values, such as unknown types. */
export type ReportRefusal = Omit<ReportIgnored, 'samples'> & Partial<Pick<ReportIgnored, 'samples'>>;

/** Why events are not positive. */
export type LeftOutReason = 'type-not-in-rule' | 'value-negative' | 'value-missing' | 'value-outside-bound';

/** What the model learns from by the rule `interactions.positives`. */
export interface ReportLearning {
  readonly rule: string;
  /** Positive events by type. */
  readonly positives: readonly LearningEvents[];
  readonly leftOut: readonly (LearningEvents & { readonly reason: LeftOutReason })[];
}

export interface LearningEvents {
  readonly type: string;
  readonly count: number;
  readonly samples: readonly LearningSample[];
}

export interface LearningSample extends LineReference {
  readonly userId: string;
  readonly itemId: string;
  readonly value?: number;
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

/** An attribute of items or users. */
export interface ReportAttribute {
  readonly kind: 'items' | 'users';
  readonly name: string;
  /** Empty for an attribute of the mapping that no file has. */
  readonly types: readonly ('text' | 'number' | 'boolean' | 'list')[];
  /** Records with a value. */
  readonly count: number;
  readonly samples: readonly string[];
  /** Every value is text that is a number, such as the price `9,90`. */
  readonly isNumericText: boolean;
}

/** The distribution of events over users or items. */
export interface Distribution {
  /** Users or items with at least one event. */
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly p90: number;
  readonly max: number;
  /** Users or items by their number of events in `[from, to]`. Bounds are powers of two. Includes empty buckets. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
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
  readonly ignored: readonly ReportIgnored[];
  /** Present when event files and a rule were given. */
  readonly learning?: ReportLearning;
  readonly time: {
    /** Of accepted events. Absent without any. */
    readonly earliest?: number;
    readonly latest?: number;
    /** Accepted events up to one day ahead of the clock. */
    readonly ahead: ReportSkew;
    /** Accepted events before 1990, from a clock that was never set or a number that is not a time. */
    readonly before1990: ReportSkew;
    /** Accepted events without a time of day. Their order within a day is unknown. */
    readonly daysOnly: number;
    /** Of these, the duplicates: rows that equal an earlier row of the day in all columns. */
    readonly daysOnlyDuplicates: ReportSkew;
  };
  readonly types: readonly { readonly type: string; readonly count: number }[];
  /** Events by UTC day, ascending. */
  readonly days: readonly { readonly day: string; readonly count: number }[];
  readonly values?: ReportValues;
  readonly users: Distribution;
  readonly items: Distribution;
  readonly attributes: readonly ReportAttribute[];
  /** Accepted rows of items and users with the id of an earlier row, which they replace. */
  readonly repeated: { readonly items: number; readonly users: number };
  /** Present when event files and item files were given. */
  readonly unknownItems?: ReportUnknown;
  readonly itemsWithoutEvents?: number;
  /** Present when event files and user files were given. */
  readonly unknownUsers?: ReportUnknown;
  readonly usersWithoutEvents?: number;
  /** Absent in the report of a repeated import that found suspicious users, because its record names no users. */
  readonly suspiciousUsers?: readonly SuspiciousUser[];
}

export interface ReportSkew {
  readonly count: number;
  readonly lines: readonly LineReference[];
}
