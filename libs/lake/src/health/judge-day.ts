import type { HealthBounds } from './health-bounds.ts';
import type { DayMeasures, HealthCheck, HealthReason, HealthVerdict } from './health-report.ts';

interface JudgedCheck {
  readonly check: HealthCheck;
  readonly value: number;
  /** The number of events that the value is a share of. */
  readonly sampleSize: number;
  readonly bound: { readonly warning: number; readonly bad: number };
}

/** Compares the measures of a day with the bounds. */
export function judgeDay(
  measures: DayMeasures,
  bounds: HealthBounds,
): { verdict: HealthVerdict; reasons: HealthReason[] } {
  const reasons: HealthReason[] = [];
  if (isEmptyDay(measures)) reasons.push({ check: 'no-events', severity: 'bad', value: 0, bound: 0 });
  for (const { check, value, bound } of checksOf(measures, bounds)) {
    const isBeyond = (limit: number): boolean => (check === 'volume-low' ? value < limit : value > limit);
    if (isBeyond(bound.bad)) reasons.push({ check, severity: 'bad', value, bound: bound.bad });
    else if (isBeyond(bound.warning)) reasons.push({ check, severity: 'warning', value, bound: bound.warning });
  }
  const isBad = reasons.some(({ severity }) => severity === 'bad');
  return { verdict: isBad ? 'bad' : reasons.length > 0 ? 'warning' : 'ok', reasons };
}

/** Returns the checks that the day passes or fails, because it has enough events for them. */
export function judgedChecks(measures: DayMeasures, bounds: HealthBounds): HealthCheck[] {
  return ['no-events', ...checksOf(measures, bounds).map(({ check }) => check)];
}

function isEmptyDay({ events, isOver }: DayMeasures): boolean {
  return events.count === 0 && isOver;
}

/** Returns the checks that have enough events. */
function checksOf(measures: DayMeasures, bounds: HealthBounds): JudgedCheck[] {
  const { events, identity, volume, intake, duplicates, lateness, unknownItems, joins, suspiciousUsers } = measures;
  const sent = intake.accepted + intake.duplicate + intake.refused;
  const { outcomes } = joins;
  const checks: JudgedCheck[] = [
    { check: 'refused', value: intake.refusedShare, sampleSize: sent, bound: bounds.refusedShare },
    { check: 'duplicates', value: duplicates.share, sampleSize: events.rows, bound: bounds.duplicateShare },
    {
      check: 'late',
      value: lateness.lateShare,
      sampleSize: events.count - lateness.backfilled,
      bound: bounds.lateShare,
    },
    {
      check: 'unmatched-outcomes',
      value: 1 - (outcomes.rate ?? 1),
      sampleSize: outcomes.count,
      bound: bounds.unmatchedOutcomeShare,
    },
    {
      check: 'suspicious-users',
      value: suspiciousUsers.share,
      sampleSize: events.count,
      bound: bounds.suspiciousShare,
    },
  ];
  // Without a catalog, no item is unknown.
  if (unknownItems !== undefined) {
    const { share: value } = unknownItems;
    checks.splice(3, 0, {
      check: 'unknown-items',
      value,
      sampleSize: events.count - identity.identifies,
      bound: bounds.unknownItemShare,
    });
  }
  if (volume.ratio !== undefined && !isEmptyDay(measures)) {
    const ratio = { value: volume.ratio, sampleSize: volume.trailingMean ?? 0 };
    checks.unshift(
      { check: 'volume-low', ...ratio, bound: bounds.volumeBelow },
      { check: 'volume-high', ...ratio, bound: bounds.volumeAbove },
    );
  }
  return checks.filter(({ sampleSize }) => sampleSize >= bounds.eventsMin);
}
