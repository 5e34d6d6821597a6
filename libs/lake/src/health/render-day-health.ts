import { alignColumns, barChart, formatCount, formatNumber, formatShare, section } from '@facet/platform';
import { healthBounds } from './health-report.ts';
import type { DayHealth, HealthJoin, HealthReason } from './health-report.ts';

/** Rows shown of a long list. */
const namedMax = 10;

/** Renders the health of a day as plain text for a terminal of at least 80 columns. Empty sections are left out. */
export function renderDayHealth(health: DayHealth): string {
  const sections = [
    verdictSection(health),
    eventsSection(health),
    volumeSection(health),
    section('Types', barChart(health.types.map(({ type, count }) => [type, count]))),
    intakeSection(health),
    refusalsSection(health),
    latenessSection(health),
    unknownItemsSection(health),
    joinsSection(health),
    suspiciousSection(health),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function verdictSection(health: DayHealth): string {
  const title = `${health.day}${health.isOver ? '' : ' (so far)'}: ${health.verdict}`;
  const rows = health.reasons.map((reason) => [reason.severity, describeHealthReason(reason)]);
  return rows.length === 0 ? title : section(title, alignColumns(rows));
}

/** Describes why a day is not healthy. */
export function describeHealthReason({ check, value, bound }: HealthReason): string {
  if (check === 'no-events') return 'no events';
  const format = check.startsWith('volume-') ? formatNumber : formatShare;
  const side = check === 'volume-low' ? 'below' : 'above';
  return `${format(value)} ${healthBounds[check].measured}, ${side} ${format(bound)}`;
}

function eventsSection({ events, duplicates, identity }: DayHealth): string {
  const rows = [
    ['rows', formatCount(events.rows)],
    ['events', formatCount(events.count), 'distinct'],
    ['duplicates', formatCount(duplicates.insideDay), 'within the day'],
    ['', formatCount(duplicates.ofOtherDays), 'of the previous seven days'],
    ['users', formatCount(events.users)],
    ['items', formatCount(events.items)],
    [
      'anonymous',
      formatCount(identity.anonymous),
      `events (${formatShare(identity.anonymousShare)}) in ${formatCount(identity.anonymousSessions)} sessions`,
    ],
    ['identifies', formatCount(identity.identifies)],
  ];
  return section('Events', alignColumns(rows, { right: [1] }));
}

function volumeSection({ day, events, volume, isOver }: DayHealth): string {
  const counts = [...volume.trailing, { day, count: events.rows }];
  const note = isOver ? 'rows by UTC day' : 'rows by UTC day, up to the same hour';
  const title = volume.ratio === undefined ? note : `${note}; ${formatNumber(volume.ratio)} times the previous mean`;
  return section(`Volume (${title})`, barChart(counts.map(({ day: name, count }) => [name, count])));
}

function intakeSection({ intake }: DayHealth): string {
  const rows = intake.producers.map(({ producer, accepted, duplicate, refused }) => [
    producer,
    `${formatCount(accepted)} accepted`,
    `${formatCount(duplicate)} duplicate`,
    `${formatCount(refused)} refused`,
  ]);
  return section('Received by producer', alignColumns(rows, { right: [1, 2, 3] }));
}

function refusalsSection({ intake }: DayHealth): string {
  const rows = intake.refusals
    .slice(0, namedMax)
    .map(({ producer, field, reason, count }) => [
      formatCount(count),
      producer,
      field === '' ? reason : `${field}: ${reason}`,
    ]);
  return section('Refusals', alignColumns(rows, { right: [0] }));
}

function latenessSection({ lateness, events }: DayHealth): string {
  if (events.count === 0) return '';
  const delays = lateness.histogram.map(({ upToMs, count }): [string, number] => [
    upToMs === undefined ? 'more' : `up to ${duration(upToMs)}`,
    count,
  ]);
  const facts = [
    ['late', formatCount(lateness.late), formatShare(lateness.lateShare)],
    ['backfilled', formatCount(lateness.backfilled), 'not judged'],
    ['ahead', formatCount(lateness.ahead), 'received before they occurred'],
    ['for earlier days', formatCount(lateness.receivedForOlderDays), 'received on this day'],
  ];
  return section('Time from event to receipt', [
    ...(lateness.backfilled === events.count ? [] : barChart(delays)),
    ...alignColumns(facts, { right: [1] }),
  ]);
}

function unknownItemsSection({ unknownItems }: DayHealth): string {
  if (unknownItems === undefined || unknownItems.ids === 0) return '';
  const { ids, events, share, examples } = unknownItems;
  const rows = examples.slice(0, namedMax).map((item) => [`  ${item.itemId}`, `${formatCount(item.events)} events`]);
  return section('Unknown items', [
    `${formatCount(ids)} items in ${formatCount(events)} events (${formatShare(share)}) are not in the catalog`,
    ...alignColumns(rows, { right: [1] }),
  ]);
}

function joinsSection({ joins }: DayHealth): string {
  const row = (name: string, { count, joined, rate }: HealthJoin, what: string): string[][] =>
    rate === undefined ? [] : [[name, formatCount(count), formatShare(rate), `${formatCount(joined)} ${what}`]];
  const rows = [
    ...row('exposures', joins.exposures, 'with an outcome'),
    ...row('outcomes', joins.outcomes, 'with an exposure'),
  ];
  return section('Recommendations', alignColumns(rows, { right: [1, 2] }));
}

function suspiciousSection({ suspiciousUsers }: DayHealth): string {
  if (suspiciousUsers.users === 0) return '';
  const { users, events, share, examples } = suspiciousUsers;
  const rows = examples.slice(0, namedMax).map((user) => [
    `  ${user.userId}`,
    `${formatCount(user.events)} events`,
    formatShare(user.share),
    user.reasons
      .map((reason) => {
        if (reason === 'sustained-rate') return `${reason} (up to ${user.eventsPerMinuteMax ?? 0} per minute)`;
        return reason === 'no-sleep' ? `${reason} (${user.activeHours} hours)` : reason;
      })
      .join(', '),
  ]);
  return section('Suspicious users', [
    `${formatCount(users)} users with ${formatCount(events)} events (${formatShare(share)})`,
    ...alignColumns(rows, { right: [1, 2] }),
  ]);
}

function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} min`;
  if (seconds < 86_400) return `${seconds / 3600} h`;
  return seconds === 86_400 ? '1 day' : `${seconds / 86_400} days`;
}
