import { healthBounds } from './health-bounds.ts';
import type { BoundedCheck, DataHealthSettings, HealthCheck } from './health-bounds.ts';
import type { DayMeasures, HealthReason, HealthVerdict } from './health-report.ts';

interface JudgedValue {
  readonly value: number;
  /** The number of events that the value is a share of. */
  readonly sampleSize: number;
}

/** Compares the measures of a day with the bounds. */
export function judgeDay(
  measures: DayMeasures,
  settings: DataHealthSettings,
): { verdict: HealthVerdict; reasons: HealthReason[] } {
  const reasons: HealthReason[] = [];
  if (isEmptyDay(measures) && !settings.ignore.includes('no-events')) {
    reasons.push({ check: 'no-events', severity: 'bad', value: 0, bound: 0 });
  }
  for (const [check, { value }] of judgedValues(measures, settings)) {
    const { warning, bad } = healthBounds[check][settings.strictness];
    const isBeyond = (limit: number): boolean => (check === 'volume-low' ? value < limit : value > limit);
    if (isBeyond(bad)) reasons.push({ check, severity: 'bad', value, bound: bad });
    else if (isBeyond(warning)) reasons.push({ check, severity: 'warning', value, bound: warning });
  }
  const isBad = reasons.some(({ severity }) => severity === 'bad');
  return { verdict: isBad ? 'bad' : reasons.length > 0 ? 'warning' : 'ok', reasons };
}

/** Returns the checks that the day passes or fails, because they are on and it has enough events for them. */
export function judgedChecks(measures: DayMeasures, settings: DataHealthSettings): HealthCheck[] {
  return ['no-events', ...judgedValues(measures, settings).map(([check]) => check)];
}

function isEmptyDay({ events, isOver }: DayMeasures): boolean {
  return events.count === 0 && isOver;
}

function judgedValues(
  measures: DayMeasures,
  { eventsMin, ignore }: DataHealthSettings,
): (readonly [BoundedCheck, JudgedValue])[] {
  const { events, identity, volume, intake, duplicates, lateness, unknownItems, joins, suspiciousUsers } = measures;
  const { outcomes } = joins;
  const ratio =
    volume.ratio === undefined || isEmptyDay(measures)
      ? undefined
      : { value: volume.ratio, sampleSize: volume.trailingMean ?? 0 };
  const values: Readonly<Record<BoundedCheck, JudgedValue | undefined>> = {
    'volume-low': ratio,
    'volume-high': ratio,
    refused: { value: intake.refusedShare, sampleSize: intake.accepted + intake.duplicate + intake.refused },
    duplicates: { value: duplicates.share, sampleSize: events.rows },
    late: { value: lateness.lateShare, sampleSize: events.count - lateness.backfilled },
    // Without a catalog, no item is unknown.
    'unknown-items': unknownItems && { value: unknownItems.share, sampleSize: events.count - identity.identifies },
    'unmatched-outcomes': { value: 1 - (outcomes.rate ?? 1), sampleSize: outcomes.count },
    'suspicious-users': { value: suspiciousUsers.share, sampleSize: events.count },
  };
  return (Object.keys(values) as BoundedCheck[]).flatMap((check) => {
    const judged = values[check];
    return judged === undefined || judged.sampleSize < eventsMin || ignore.includes(check)
      ? []
      : [[check, judged] as const];
  });
}
