import { AppError, minuteMs } from '@facet/platform';
import { createZone } from '@facet/platform/time-zone';
import { epochNumberMs, isCalendarDay, utcMs } from '@facet/schemas';
import type { RefusalReason } from '@facet/schemas';
import type { TableColumn } from '../tables/table.ts';

/** A time in epoch milliseconds, or why the cell is not a time. */
export type ParsedTime = number | RefusalReason;

export interface TimeParserOptions {
  /** IANA time zone of times without a zone. Default UTC. */
  readonly timeZone?: string | undefined;
  /** Formats of times, tried in order before ISO 8601 and numbers. */
  readonly timeFormat?: string | readonly string[] | undefined;
}

/** Formats of numbers that count days, by the number of the day 1970-01-01. Spreadsheets count from 1899-12-30. */
const dayNumbers: Readonly<Record<string, number>> = { Excel: 25_569, Days: 0 };

/**
 * Creates a parser of time cells. Numbers and digits are read by `epochNumberMs`. Text is ISO 8601 (`2011-12-09 12:50`, with `T` or a space, seconds and zone optional) or has one of the formats
 * `timeFormat`. Without a `timeFormat`, the date can also have slashes, as in `2011/12/9`. Text such as `01/02/2011` needs a
 * `timeFormat`, because day and month are ambiguous.
 *
 * The parser does not use Luxon, which accepts more formats and takes about 20 times longer per row.
 *
 * @throws AppError `EVENTS_TIME_FORMAT` for an invalid `timeFormat`, `EVENTS_TIME_ZONE` for an unknown zone.
 */
export function createTimeParser(options: TimeParserOptions): (cell: unknown) => ParsedTime {
  const toUtc = createZone(options.timeZone ?? 'UTC');
  const formats = [options.timeFormat ?? []].flat();
  const parsers = formats
    .filter((format) => !Object.hasOwn(dayNumbers, format))
    .map((text) => parseFormat(text, toUtc));
  const dayNumber = formats.map((format) => dayNumbers[format]).find((day) => day !== undefined);
  const parseNumber = dayNumber === undefined ? epochNumberMs : daysMs(dayNumber);
  const parseIsoText = parseIso(toUtc);
  return (cell) => {
    if (cell === null || cell === undefined) return 'missing';
    if (typeof cell === 'number' && Number.isFinite(cell)) return parseNumber(cell, toUtc);
    if (typeof cell !== 'string') return 'not-a-time';
    const text = cell.trim();
    if (text === '') return 'missing';
    for (const parse of parsers) {
      const time = parse(text);
      if (typeof time === 'number') return time;
    }
    if (/^-?\d+(\.\d*)?([eE]\+?\d+)?$/.test(text)) return parseNumber(Number(text), toUtc);
    // With a `timeFormat`, do not read 2011/09/12 as year, month and day: the format may have another order.
    if (parsers.length > 0 && !/^\d{4}-\d\d-\d\d/.test(text)) return 'not-a-time';
    return parseIsoText(text);
  };
}

/** Creates the parser of a time column. Parquet times are numbers in milliseconds. Those without a zone are in `timeZone`. */
export function createColumnTimeParser(
  column: TableColumn | undefined,
  options: TimeParserOptions,
): (cell: unknown) => ParsedTime {
  const parse = createTimeParser(options);
  if (column?.kind !== 'time') return parse;
  const toUtc = column.isLocalTime === true ? createZone(options.timeZone ?? 'UTC') : (ms: number) => ms;
  return (cell) => (typeof cell === 'number' ? toUtc(cell) : parse(cell));
}

/** Larger numbers are no days of the years up to 9999. */
const dayNumberMax = 2_958_466;

function daysMs(dayNumber1970: number): (number: number, toUtc: (local: number) => number) => number {
  return (number, toUtc) => {
    if (number >= dayNumberMax) return epochNumberMs(number, toUtc);
    // A day of a spreadsheet is exact to about a microsecond, so whole seconds come back only by rounding.
    return toUtc(Math.round((number - dayNumber1970) * 86_400) * 1000);
  };
}

const isoPattern =
  /^((\d{4})([-/])(\d\d?)\3(\d\d?))(?:[Tt ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?$/;
const slashedPattern = /^\d{1,4}[/.]\d{1,2}[/.]\d{1,4}/;

function parseIso(toUtc: (local: number) => number): (text: string) => ParsedTime {
  // Most rows have the same day as the previous row.
  let lastDay = '';
  let lastDayMs = 0;
  return (text) => {
    const match = isoPattern.exec(text);
    if (match === null) return parseAsctime(text) ?? (slashedPattern.test(text) ? 'time-order-unclear' : 'not-a-time');
    const day = match[1]!;
    if (day !== lastDay) {
      const [year, month, dayOfMonth] = [Number(match[2]), Number(match[4]), Number(match[5])];
      if (!isCalendarDay(year, month, dayOfMonth)) return 'not-a-time';
      lastDay = day;
      lastDayMs = utcMs(year, month, dayOfMonth);
    }
    const ms = clockMs(match[6], match[7], match[8], match[9]);
    if (ms === undefined) return 'not-a-time';
    const zone = match[10];
    if (zone === undefined) return toUtc(lastDayMs + ms);
    return lastDayMs + ms - zoneMs(zone);
  };
}

const asctimePattern = /^[A-Z][a-z]{2} ([A-Z][a-z]{2} [ \d]\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})$/;

/** Parses a time such as `Tue Apr 03 18:00:09 +0000 2012`, as in files of Twitter and Foursquare. */
function parseAsctime(text: string): number | undefined {
  const [, day, clock, zone, year] = asctimePattern.exec(text) ?? [];
  const time = day === undefined ? Number.NaN : Date.parse(`${day} ${year} ${clock} GMT${zone}`);
  return Number.isNaN(time) ? undefined : time;
}

/** Returns milliseconds since midnight, or `undefined` for an impossible clock time. */
function clockMs(hour = '0', minute = '0', second = '0', fraction = ''): number | undefined {
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return (
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + (fraction === '' ? 0 : Math.trunc(Number(`0.${fraction}`) * 1000))
  );
}

function zoneMs(zone: string): number {
  if (!/[+-]/.test(zone)) return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return (zone.startsWith('-') ? -1 : 1) * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * minuteMs;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const formatTokens: Readonly<Record<string, readonly [part: string, pattern: string]>> = {
  YYYY: ['year', '\\d{4}'],
  YY: ['year', '\\d{2}'],
  MMM: ['month', '[A-Za-z]{3,9}\\.?'],
  MM: ['month', '\\d{2}'],
  M: ['month', '\\d{1,2}'],
  DD: ['day', '\\d{2}'],
  D: ['day', '\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  H: ['hour', '\\d{1,2}'],
  hh: ['hour', '\\d{2}'],
  h: ['hour', '\\d{1,2}'],
  A: ['half', '[AaPp]\\.?[Mm]\\.?'],
  mm: ['minute', '\\d{2}'],
  m: ['minute', '\\d{1,2}'],
  ss: ['second', '\\d{2}'],
  SSS: ['fraction', '\\d{1,9}'],
};

function parseFormat(format: string, toUtc: (local: number) => number): (text: string) => ParsedTime {
  const parts: string[] = [];
  const pattern = format.replaceAll(/YYYY|YY|MMM|MM?|DD?|HH?|hh?|A|mm?|ss|SSS|[^A-Za-z]|[A-Za-z]/g, (token) => {
    const known = formatTokens[token];
    if (known !== undefined) {
      parts.push(known[0]);
      return `(?<${known[0]}>${known[1]})`;
    }
    if (/[A-Za-z]/.test(token) && token !== 'T' && token !== 'Z') throw badFormat(format);
    return token.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  });
  const hasHalf = parts.includes('half');
  const isComplete = ['year', 'month', 'day'].every((part) => parts.includes(part));
  if (!isComplete || new Set(parts).size !== parts.length || (hasHalf && !parts.includes('hour'))) {
    throw badFormat(format);
  }
  if (hasHalf !== /h/.test(format)) throw badFormat(format);
  const expression = new RegExp(`^${pattern}$`);
  return (text) => {
    const part = expression.exec(text)?.groups;
    if (part === undefined) return 'not-a-time';
    const [year, month, day] = [yearOf(part['year']!), monthOf(part['month']!), Number(part['day'])];
    const hour = hasHalf ? hourOf(part['hour']!, part['half']!) : part['hour'];
    const ms =
      hour === undefined && hasHalf ? undefined : clockMs(hour, part['minute'], part['second'], part['fraction']);
    if (ms === undefined || !isCalendarDay(year, month, day)) return 'not-a-time';
    return toUtc(utcMs(year, month, day) + ms);
  };
}

/** Two digits are a year from 1970 to 2069, as in most systems. */
function yearOf(text: string): number {
  const year = Number(text);
  return text.length === 4 ? year : year + (year < 70 ? 2000 : 1900);
}

/** Returns 0, which is no month, for an unknown name. */
function monthOf(text: string): number {
  return /^\d/.test(text) ? Number(text) : months.indexOf(text.slice(0, 3).toLowerCase()) + 1;
}

/** Converts an hour of a 12-hour clock to a 24-hour clock. Returns `undefined` for an impossible hour. */
function hourOf(text: string, half: string): string | undefined {
  const hour = Number(text);
  if (hour < 1 || hour > 12) return undefined;
  return String((hour % 12) + (/^p/i.test(half) ? 12 : 0));
}

function badFormat(format: string): AppError {
  return new AppError(`The time format "${format}" is invalid.`, {
    code: 'EVENTS_TIME_FORMAT',
    category: 'usage',
    remedy:
      'Use YYYY or YY, M, MM or MMM, and D or DD, each once, and optionally H or HH (or h with A), mm, ss and SSS, in this case: "DD/MM/YYYY HH:mm".',
    context: { format },
  });
}
