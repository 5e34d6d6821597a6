import { dayMs, FingerprintSet, utcDay } from '@facet/platform';
import { suspiciousShare, suspiciousUsersMin, UserRates } from '@facet/lake';
import { keyOf } from '@facet/schemas';
import type { Event, Item, User } from '@facet/schemas';
import type { AcceptedRow, IgnoredValue, RefusedRow } from '../mapping/row-parser.ts';
import { createAttributeCounter, createLearningCounter, distributionOf } from './report-counters.ts';
import type { LearningRule } from './report-counters.ts';
import type {
  LineReference,
  ReportFile,
  ReportIgnored,
  ReportRefusal,
  ReportUnknown,
  ReportValues,
  SuspiciousUser,
  ValidationReport,
} from './report.ts';

/** Line numbers and examples kept per reason. Counts are complete. */
const examplesMax = 20;
/** Distinct values listed. A column with more values contains amounts, not ratings. */
const distinctValuesMax = 20;

const samplesMax = 5;
const sampleLength = 40;

const year1990 = Date.UTC(1990, 0, 1);

interface Tally {
  readonly number: number;
  readonly first: LineReference;
  events: number;
}

interface Lines {
  count: number;
  readonly lines: LineReference[];
}

/** A reason of refused rows or ignored values while they are counted. */
type OpenReason = Lines & Omit<ReportIgnored, 'count' | 'lines' | 'samples'> & { readonly samples: Set<string> };

type OpenFile = { -readonly [Field in keyof ReportFile]: ReportFile[Field] };

/**
 * Builds a {@link ValidationReport} while files are read. Memory grows with the distinct users, items and days, and by about 30
 * bytes per event.
 */
export class ReportBuilder {
  readonly #now: number;
  readonly #files: OpenFile[] = [];
  readonly #refusals = new Map<string, OpenReason>();
  readonly #ignored = new Map<string, OpenReason>();
  readonly #learning: ReturnType<typeof createLearningCounter> | undefined;
  readonly #catalog = { items: createCatalogCounter('items'), users: createCatalogCounter('users') };
  #daysOnly = 0;
  readonly #daysOnlyDuplicates: Lines = { count: 0, lines: [] };
  readonly #eventIds = new FingerprintSet();
  readonly #users = new Map<string, Tally>();
  readonly #items = new Map<string, Tally>();
  readonly #types = new Map<string, number>();
  readonly #days = new Map<number, number>();
  readonly #rates = new UserRates();
  readonly #ahead: Lines = { count: 0, lines: [] };
  readonly #before1990: Lines = { count: 0, lines: [] };
  readonly #values = { count: 0, sum: 0, min: Infinity, max: -Infinity, distinct: new Map<number, number>() };
  #accepted = 0;
  #duplicates = 0;
  #earliest = Infinity;
  #latest = -Infinity;

  /**
   * @param now epoch milliseconds: later events count as ahead of the clock
   * @param learning the rule of the events that the model learns from
   */
  constructor(now: number, learning?: LearningRule) {
    this.#now = now;
    this.#learning = learning === undefined ? undefined : createLearningCounter(learning);
  }

  /** Starts a file and returns its index for line references. */
  startFile(file: Omit<ReportFile, 'rows' | 'accepted'>): number {
    return this.#files.push({ ...file, rows: 0, accepted: 0 }) - 1;
  }

  acceptEvent({ record: event, isDay, hasId }: AcceptedRow<Event>, { file, line }: LineReference): void {
    this.#countRow(file, true);
    this.#accepted++;
    if (isDay === true) this.#daysOnly++;
    if (!this.#eventIds.add(event.eventId)) {
      this.#duplicates++;
      if (isDay === true && hasId !== true) addLine(this.#daysOnlyDuplicates, file, line);
    } else this.#learning?.add(event, { file, line });
    const user = tally(this.#users, keyOf(event), file, line);
    if (event.itemId !== undefined) tally(this.#items, event.itemId, file, line);
    this.#types.set(event.type, (this.#types.get(event.type) ?? 0) + 1);
    const day = Math.floor(event.occurredAt / dayMs);
    this.#days.set(day, (this.#days.get(day) ?? 0) + 1);
    this.#rates.add(user.number, event.occurredAt);
    this.#earliest = Math.min(this.#earliest, event.occurredAt);
    this.#latest = Math.max(this.#latest, event.occurredAt);
    if (event.occurredAt > this.#now) addLine(this.#ahead, file, line);
    if (event.occurredAt < year1990) addLine(this.#before1990, file, line);
    if (event.value !== undefined) this.#addValue(event.value);
  }

  acceptRecord(kind: 'items' | 'users', record: Item | User, file: number): void {
    this.#countRow(file, true);
    const counter = this.#catalog[kind];
    const id = 'itemId' in record ? record.itemId : record.userId;
    counter.attributes.add(record.attributes);
    if (counter.ids.has(id)) counter.repeated++;
    counter.ids.add(id);
  }

  /** Adds attributes of the mapping that no file has. */
  missAttributes(kind: 'items' | 'users', names: readonly string[]): void {
    this.#catalog[kind].attributes.miss(names);
  }

  refuse(
    { field, reason, ...rest }: Pick<RefusedRow, 'cell' | 'nestedPath' | 'field'> & { readonly reason: string },
    { file, line }: LineReference,
  ): void {
    this.#countRow(file, false);
    this.#countReason(this.#refusals, { field, reason, ...rest }, { file, line });
  }

  /** Adds a value of a record that is kept without it. */
  ignore(value: IgnoredValue, at: LineReference): void {
    this.#countReason(this.#ignored, value, at);
  }

  #countReason(
    reasons: Map<string, OpenReason>,
    {
      field,
      reason,
      cell,
      nestedPath,
    }: Pick<IgnoredValue, 'field' | 'nestedPath'> & { readonly reason: string; readonly cell?: unknown },
    { file, line }: LineReference,
  ): void {
    const { kind } = this.#files[file] as OpenFile;
    const key = `${kind} ${field} ${reason}`;
    let counted = reasons.get(key);
    if (counted === undefined) {
      const nested = nestedPath === undefined ? {} : { nestedPath };
      reasons.set(key, (counted = { kind, field, reason, ...nested, count: 0, lines: [], samples: new Set() }));
    }
    addLine(counted, file, line);
    if (cell !== undefined && counted.samples.size < samplesMax) {
      counted.samples.add((typeof cell === 'string' ? cell.trim() : JSON.stringify(cell)).slice(0, sampleLength));
    }
  }

  /** Returns the rows of a kind that are read and accepted so far. */
  progressOf(kind: ReportFile['kind']): { readonly rows: number; readonly accepted: number } {
    const files = this.#files.filter((file) => file.kind === kind);
    const sum = (field: 'rows' | 'accepted'): number => files.reduce((total, file) => total + file[field], 0);
    return { rows: sum('rows'), accepted: sum('accepted') };
  }

  get refusals(): readonly ReportRefusal[] {
    return listReasons(this.#refusals).map(({ samples, ...refusal }) =>
      samples.length === 0 ? refusal : { ...refusal, samples },
    );
  }

  /** Returns a line reference as `path:line`. */
  locate({ file, line }: LineReference): string {
    return `${this.#files[file]?.path}:${line}`;
  }

  build(): ValidationReport {
    const eventFiles = this.#files.filter((file) => file.kind === 'events');
    const rows = eventFiles.reduce((sum, file) => sum + file.rows, 0);
    const { items, users } = this.#catalog;
    const hasFile = (kind: ReportFile['kind']): boolean => this.#files.some((file) => file.kind === kind);
    return {
      version: 1,
      checkedAt: this.#now,
      files: this.#files,
      events: { rows, accepted: this.#accepted, refused: rows - this.#accepted, duplicates: this.#duplicates },
      refusals: this.refusals,
      ignored: listReasons(this.#ignored),
      ...(this.#learning === undefined || !hasFile('events') ? {} : { learning: this.#learning.build() }),
      time: {
        earliest: this.#accepted === 0 ? undefined : this.#earliest,
        latest: this.#accepted === 0 ? undefined : this.#latest,
        ahead: this.#ahead,
        before1990: this.#before1990,
        daysOnly: this.#daysOnly,
        daysOnlyDuplicates: this.#daysOnlyDuplicates,
      },
      types: [...this.#types].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count),
      days: [...this.#days].sort(([a], [b]) => a - b).map(([day, count]) => ({ day: utcDay(day * dayMs), count })),
      ...(this.#values.count === 0 ? {} : { values: this.#reportValues() }),
      users: distributionOf(eventsOf(this.#users)),
      items: distributionOf(eventsOf(this.#items)),
      attributes: [...items.attributes.build(), ...users.attributes.build()],
      repeated: { items: items.repeated, users: users.repeated },
      ...(hasFile('items') && hasFile('events')
        ? {
            unknownItems: unknownOf(this.#items, items.ids),
            itemsWithoutEvents: countMissing(items.ids, this.#items),
          }
        : {}),
      ...(hasFile('users') && hasFile('events')
        ? {
            unknownUsers: unknownOf(this.#users, users.ids),
            usersWithoutEvents: countMissing(users.ids, this.#users),
          }
        : {}),
      suspiciousUsers: this.#suspiciousUsers(),
    };
  }

  #countRow(file: number, isAccepted: boolean): void {
    const open = this.#files[file] as OpenFile;
    open.rows++;
    if (isAccepted) open.accepted++;
  }

  #addValue(value: number): void {
    const values = this.#values;
    values.count++;
    values.sum += value;
    values.min = Math.min(values.min, value);
    values.max = Math.max(values.max, value);
    // One value more than the limit shows that there are too many to list.
    if (values.distinct.has(value) || values.distinct.size <= distinctValuesMax) {
      values.distinct.set(value, (values.distinct.get(value) ?? 0) + 1);
    }
  }

  #reportValues(): ReportValues {
    const { count, sum, min, max, distinct } = this.#values;
    const isFew = distinct.size <= distinctValuesMax;
    return {
      count,
      min,
      max,
      mean: sum / count,
      ...(isFew
        ? { distinct: [...distinct].sort(([a], [b]) => a - b).map(([value, events]) => ({ value, count: events })) }
        : {}),
    };
  }

  #suspiciousUsers(): SuspiciousUser[] {
    const rates = new Map(this.#rates.sustained().map(({ user, eventsPerMinuteMax }) => [user, eventsPerMinuteMax]));
    const hasManyUsers = this.#users.size >= suspiciousUsersMin;
    const suspicious: SuspiciousUser[] = [];
    for (const [userId, { number, events }] of this.#users) {
      const share = events / this.#accepted;
      const rate = rates.get(number);
      const isLarge = hasManyUsers && share > suspiciousShare;
      if (!isLarge && rate === undefined) continue;
      suspicious.push({
        userId,
        events,
        share,
        reasons: [
          ...(isLarge ? (['share-of-all-events'] as const) : []),
          ...(rate ? (['sustained-rate'] as const) : []),
        ],
        eventsPerMinuteMax: rate,
      });
    }
    return suspicious.sort((a, b) => b.events - a.events);
  }
}

/** The attributes and ids of the accepted items or users. */
function createCatalogCounter(kind: 'items' | 'users') {
  return { attributes: createAttributeCounter(kind), ids: new Set<string>(), repeated: 0 };
}

function tally(tallies: Map<string, Tally>, id: string, file: number, line: number): Tally {
  let found = tallies.get(id);
  if (found === undefined) tallies.set(id, (found = { number: tallies.size, first: { file, line }, events: 0 }));
  found.events++;
  return found;
}

function listReasons(reasons: ReadonlyMap<string, OpenReason>): ReportIgnored[] {
  return [...reasons.values()]
    .sort((a, b) => b.count - a.count)
    .map((reason) => ({ ...reason, samples: [...reason.samples] }));
}

function addLine(lines: Lines, file: number, line: number): void {
  lines.count++;
  if (lines.lines.length < examplesMax) lines.lines.push({ file, line });
}

function* eventsOf(tallies: ReadonlyMap<string, Tally>): Generator<number> {
  for (const { events } of tallies.values()) yield events;
}

function unknownOf(tallies: ReadonlyMap<string, Tally>, known: ReadonlySet<string>): ReportUnknown {
  const unknown = [...tallies].filter(([id]) => !known.has(id)).sort(([, a], [, b]) => b.events - a.events);
  return {
    ids: unknown.length,
    events: unknown.reduce((sum, [, { events }]) => sum + events, 0),
    examples: unknown.slice(0, examplesMax).map(([id, { events, first }]) => ({ id, events, first })),
  };
}

function countMissing(known: ReadonlySet<string>, seen: ReadonlyMap<string, unknown>): number {
  let missing = 0;
  for (const id of known) if (!seen.has(id)) missing++;
  return missing;
}
