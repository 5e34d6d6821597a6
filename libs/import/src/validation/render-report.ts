import {
  alignColumns,
  barChart,
  countOf,
  dayMs,
  formatCount,
  formatNumber,
  formatShare,
  section,
} from '@facet/platform';
import type {
  Distribution,
  LearningSample,
  LeftOutReason,
  LineReference,
  ReportRefusal,
  ReportUnknown,
  ValidationReport,
} from './report.ts';

/** Days or months shown as bars. */
const periodsMax = 24;
/** Lines per reason and unknown ids that are listed. */
const namedMax = 5;

/** Renders a validation report as plain text for a terminal of at least 80 columns. Empty sections are left out. */
export function renderValidationReport(report: ValidationReport): string {
  const sections = [
    filesSection(report),
    eventsSection(report),
    ...refusalSections(report),
    timesSection(report),
    section('Types', barChart(report.types.map(({ type, count }) => [type, count]))),
    section('Volume (events by UTC day, month or year)', barChart(volume(report))),
    valuesSection(report),
    distributionSection('Events per user', report.users, 'user'),
    distributionSection('Events per item', report.items, 'item'),
    attributesSection(report),
    repeatedSection(report),
    unknownSection('Items', report.unknownItems, report.itemsWithoutEvents, report),
    unknownSection('Users', report.unknownUsers, report.usersWithoutEvents, report),
    suspiciousSection(report),
    learningSection(report),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** Renders what is unusual about the accepted rows: their times, and item and user ids that the files of items and users lack. */
export function warningSections(report: ValidationReport): string[] {
  const { unknownItems, itemsWithoutEvents, unknownUsers, usersWithoutEvents } = report;
  return [
    timesSection(report),
    unknownItems?.ids === 0 ? '' : unknownSection('Items', unknownItems, itemsWithoutEvents, report),
    unknownUsers?.ids === 0 ? '' : unknownSection('Users', unknownUsers, usersWithoutEvents, report),
  ].filter((text) => text !== '');
}

function filesSection({ files }: ValidationReport): string {
  const rows = files.map((file) => [
    file.kind,
    file.path,
    file.format,
    countOf(file.rows, 'row'),
    Object.entries(file.columns)
      .map(([field, column]) => {
        const others = file.otherCandidates[field] ?? [];
        const named = field === column ? field : `${field}=${column}`;
        return others.length === 0 ? named : `${named} (not ${others.join(', ')})`;
      })
      .concat(file.defaultType === undefined ? [] : [`type=${file.defaultType} for all rows`])
      .join(', '),
  ]);
  return section('Files', alignColumns(rows, { right: [3] }));
}

function eventsSection({ files, events, time }: ValidationReport): string {
  if (files.every(({ kind }) => kind !== 'events')) return '';
  const rows = [
    ['rows', formatCount(events.rows)],
    ['accepted', formatCount(events.accepted), formatShare(events.accepted / Math.max(events.rows, 1))],
    ['refused', formatCount(events.refused), formatShare(events.refused / Math.max(events.rows, 1))],
    ['duplicates', formatCount(events.duplicates), 'of accepted events; each event counts once'],
  ];
  const lines = alignColumns(rows, { right: [1] });
  if (time.earliest !== undefined && time.latest !== undefined) {
    lines.push(`from ${instant(time.earliest)} to ${instant(time.latest)}`);
  }
  return section('Events', lines);
}

/**
 * Renders the refused lines and the ignored values by reason, as one section each. Empty sections are left out.
 *
 * @param reasonsMax Number of reasons that each section lists.
 */
export function refusalSections(report: ValidationReport, reasonsMax = Infinity): string[] {
  const { refusals, ignored } = report;
  return [
    reasonsSection('Refused lines', refusals, report, reasonsMax),
    reasonsSection('Ignored values (their rows are accepted without them)', ignored, report, reasonsMax),
  ].filter((text) => text !== '');
}

function reasonsSection(
  title: string,
  reasons: readonly ReportRefusal[],
  report: ValidationReport,
  reasonsMax: number,
): string {
  const rows = reasons
    .slice(0, reasonsMax)
    .map((refusal) => [
      formatCount(refusal.count),
      refusal.kind,
      refusal.field === '' ? refusal.reason : `${refusal.field}: ${refusal.reason}`,
      lineList(refusal, report) + samplesOfReason(refusal) + adviceOn(refusal),
    ]);
  const more = reasons.length > reasonsMax ? [`and ${countOf(reasons.length - reasonsMax, 'other reason')}`] : [];
  return section(title, [...alignColumns(rows, { right: [0] }), ...more]);
}

function attributesSection({ attributes }: ValidationReport): string {
  const rows = attributes.map(({ kind, name, types, count, samples, isNumericText }) => [
    kind,
    name,
    types.length === 0 ? 'missing' : types.join(' or '),
    formatCount(count),
    (types.length === 0 ? `no file has this column of mapping.${kind}.attributes` : samples.join('; ')) +
      (isNumericText ? ` (read as text; for numbers: mapping.${kind}.attributes: { ${name}: number })` : ''),
  ]);
  return section('Attributes', alignColumns(rows, { right: [3] }));
}

function samplesOfReason({ samples = [] }: Pick<ReportRefusal, 'samples'>): string {
  return samples.length === 0 ? '' : `: ${samples.map(quoteSample).join(', ')}`;
}

/** Quotes a sample that is text. Objects and lists are JSON already. */
export function quoteSample(sample: string): string {
  return /^[[{]/.test(sample) ? sample : JSON.stringify(sample);
}

const advice: Readonly<Record<string, string>> = {
  'bad-quoting': 'write a quote inside a quoted cell twice',
  missing: 'the cell is empty; another column may contain the value: map it',
  'missing-word':
    'words such as NULL mean a missing id: see mapping.missingIds, or map another column, such as the session',
  'not-a-time': 'set mapping.timeFormat',
  'not-an-attribute':
    'an object is no attribute; for a value inside: mapping.items.attributes: { <column>.<key>: text }',
  'not-utf8': 'set mapping.encoding, for example to windows-1252',
  'time-order-unclear': 'set mapping.timeFormat',
  'unknown-type': 'map the types under mapping.typeNames, or declare them under eventTypes',
};

/** Returns the setting that changes how a value is read, such as a path inside an object. */
function adviceOn(value: Pick<ReportRefusal, 'kind' | 'field' | 'reason' | 'nestedPath'>): string {
  if (value.nestedPath !== undefined) return `; map it with ${mappingOf(value)}`;
  const setting = advice[value.reason];
  return setting === undefined ? '' : `; ${setting.replace('mapping.items', `mapping.${value.kind}`)}`;
}

/** Returns the setting that maps the path `nestedPath` inside an object, such as `mapping.userId: user.id`. */
export function mappingOf({ kind, field, nestedPath }: Pick<ReportRefusal, 'kind' | 'field' | 'nestedPath'>): string {
  return `${kind === 'events' ? 'mapping' : `mapping.${kind}`}.${field}: ${nestedPath}`;
}

/** A larger share of midnights needs a warning. Among real times of day, a few are midnight. */
const midnightShareMax = 0.01;

function timesSection(report: ValidationReport): string {
  const { ahead, before1990, daysOnly, daysOnlyDuplicates, latest = Infinity } = report.time;
  const acceptedEvents = report.files.reduce((sum, { kind, accepted }) => sum + (kind === 'events' ? accepted : 0), 0);
  const days = latest < dayMs ? '; if they are numbers of days, set mapping.timeFormat: Days' : '';
  const isUnusual = daysOnly > midnightShareMax * acceptedEvents;
  const equal = `equal to an earlier row in all columns (${lineList(daysOnlyDuplicates, report)}); to count each row, add a time of day`;
  const found: readonly (readonly [count: number, what: string, detail: string])[] = [
    [ahead.count, 'up to one day ahead of the clock', lineList(ahead, report)],
    [before1990.count, 'before 1990', lineList(before1990, report) + days],
    [isUnusual ? daysOnly : 0, 'without a time of day', 'their order within a day is unknown'],
    [daysOnlyDuplicates.count, 'without a time of day, not counted', equal],
  ];
  const rows = found.filter(([count]) => count > 0).map(([count, ...texts]) => [formatCount(count), ...texts]);
  return section('Unusual times', alignColumns(rows, { right: [0] }));
}

const leftOutReasons: Readonly<Record<LeftOutReason, string>> = {
  'type-not-in-rule': 'the rule does not name this type',
  'value-negative': 'the value is negative, as in a return',
  'value-missing': 'the rule has a bound, and there is no value',
  'value-outside-bound': 'the value is outside the bound of the rule',
};

/** Renders what the model learns from, with sample rows. Empty without a rule. */
export function learningSection(report: ValidationReport): string {
  const { learning } = report;
  if (learning === undefined) return '';
  const positives = learning.positives.map((events) => [
    'positive',
    formatCount(events.count),
    events.type,
    samplesOf(events.samples, report),
  ]);
  const leftOut = learning.leftOut.map(({ count, type, reason, samples }) => [
    'left out',
    formatCount(count),
    type,
    leftOutReasons[reason] +
      (reason === 'type-not-in-rule' && type !== 'return' ? '; to include it, add it to interactions.positives' : '') +
      (samples.length === 0 ? '' : ` (${samplesOf(samples, report)})`),
  ]);
  const none = positives.length === 0 ? ['nothing: no event is positive'] : [];
  const bound = Number(/\brating >=? ([\d.]+)/.exec(learning.rule)?.[1]);
  const max = report.values?.max ?? 0;
  const isLow = report.types.every(({ type }) => type === 'rating') && bound < max / 2;
  const scale = isLow ? [`the ratings go up to ${formatNumber(max)}: change the bound of rating in the rule`] : [];
  return section(`What the model learns from (interactions.positives: ${learning.rule})`, [
    ...none,
    ...alignColumns([...positives, ...leftOut], { right: [1] }),
    ...scale,
  ]);
}

function samplesOf(samples: readonly LearningSample[], report: ValidationReport): string {
  return samples
    .map(({ userId, itemId, value, ...at }) => {
      const valued = value === undefined ? '' : ` ${formatNumber(value)}`;
      return `${locate(at, report)}: ${userId} ${itemId}${valued}`;
    })
    .join('; ');
}

/** Returns counts by day, or by month or year when there are too many days. */
function volume({ days }: ValidationReport): [string, number][] {
  if (days.length <= periodsMax) return days.map(({ day, count }) => [day, count]);
  for (const length of ['YYYY-MM'.length, 'YYYY'.length]) {
    const periods = new Map<string, number>();
    for (const { day, count } of days) {
      const period = day.slice(0, length);
      periods.set(period, (periods.get(period) ?? 0) + count);
    }
    if (periods.size <= periodsMax * 2) return [...periods];
  }
  return [];
}

function valuesSection({ values }: ValidationReport): string {
  if (values === undefined) return '';
  const summary = `${countOf(values.count, 'event')}: min ${formatNumber(values.min)}, mean ${formatNumber(values.mean)}, max ${formatNumber(values.max)}`;
  const distinct = (values.distinct ?? []).map(({ value, count }): [string, number] => [formatNumber(value), count]);
  return section('Values', [summary, ...barChart(distinct, { right: [0, 1] })]);
}

function distributionSection(title: string, distribution: Distribution, member: string): string {
  if (distribution.count === 0) return '';
  const { count, min, median, mean, p90, max, histogram } = distribution;
  const numbers = { min, median, mean, p90, max };
  const summary = Object.entries(numbers).map(([name, value]) => `${name} ${formatNumber(value)}`);
  const buckets = histogram.map((bucket): [string, number] => [
    bucket.from === bucket.to ? String(bucket.from) : `${formatCount(bucket.from)}–${formatCount(bucket.to)}`,
    bucket.count,
  ]);
  const head = `${countOf(count, member)}: ${summary.join(', ')}`;
  return section(title, [head, ...barChart(buckets, { right: [0, 1] })]);
}

function repeatedSection({ repeated }: ValidationReport): string {
  const rows = (['items', 'users'] as const).flatMap((kind) =>
    repeated[kind] === 0
      ? []
      : [[formatCount(repeated[kind]), `rows of ${kind}`, 'replace an earlier row with the same id']],
  );
  return section('Repeated ids', alignColumns(rows, { right: [0] }));
}

function unknownSection(
  title: string,
  unknown: ReportUnknown | undefined,
  withoutEvents: number | undefined,
  report: ValidationReport,
): string {
  if (unknown === undefined || withoutEvents === undefined) return '';
  const kind = title.toLowerCase();
  const rows = [
    ['unknown', formatCount(unknown.ids), `in ${countOf(unknown.events, 'event')}, not in the ${kind} file`],
    ['without events', formatCount(withoutEvents), `in the ${kind} file, but in no event`],
  ];
  const examples = unknown.examples
    .slice(0, namedMax)
    .map(({ id, events, first }) => [`  ${id}`, `${countOf(events, 'event')}, first in ${locate(first, report)}`]);
  return section(title, [...alignColumns(rows, { right: [1] }), ...alignColumns(examples)]);
}

function suspiciousSection({ suspiciousUsers = [] }: ValidationReport): string {
  const rows = suspiciousUsers
    .slice(0, 20)
    .map((user) => [
      user.userId,
      countOf(user.events, 'event'),
      formatShare(user.share),
      user.reasons.join(', ') +
        (user.eventsPerMinuteMax === undefined ? '' : ` (up to ${user.eventsPerMinuteMax} per minute)`),
    ]);
  return section('Suspicious users', alignColumns(rows, { right: [1, 2] }));
}

function lineList({ count, lines }: Pick<ReportRefusal, 'count' | 'lines'>, report: ValidationReport): string {
  const named = lines.slice(0, namedMax);
  const isOneFile = new Set(lines.map(({ file }) => file)).size <= 1;
  const more = count > named.length ? ', …' : '';
  if (isOneFile && named[0] !== undefined) {
    const word = count === 1 ? 'line' : 'lines';
    return `${word} ${named.map(({ line }) => line).join(', ')}${more}`;
  }
  return `${named.map((reference) => locate(reference, report)).join(', ')}${more}`;
}

function locate({ file, line }: LineReference, report: ValidationReport): string {
  const kindFiles = report.files.filter(({ kind }) => kind === report.files[file]?.kind);
  return kindFiles.length > 1 ? `${report.files[file]?.path}:${line}` : `line ${line}`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('.000Z', ' UTC').replace('Z', ' UTC');
}
