import type { HealthBounds } from './health-bounds.ts';
import type { DayMeasures, HealthCheck, HealthReason, HealthVerdict } from './health-report.ts';

/** Compares the measures of a day with the bounds. */
export function judgeDay(
  measures: DayMeasures,
  bounds: HealthBounds,
): { verdict: HealthVerdict; reasons: HealthReason[] } {
  const { events, volume, intake, duplicates, lateness, unknownItems, joins, suspiciousUsers } = measures;
  const reasons: HealthReason[] = [];
  const judge = (
    check: HealthCheck,
    measure: { readonly value: number; readonly of: number },
    bound: { readonly warning: number; readonly bad: number },
    isBeyond: (value: number, bound: number) => boolean = (value, bound) => value > bound,
  ): void => {
    const { value, of } = measure;
    if (of < bounds.eventsMin) return;
    if (isBeyond(value, bound.bad)) reasons.push({ check, severity: 'bad', value, bound: bound.bad });
    else if (isBeyond(value, bound.warning)) reasons.push({ check, severity: 'warning', value, bound: bound.warning });
  };

  if (events.count === 0 && measures.isOver) reasons.push({ check: 'no-events', severity: 'bad', value: 0, bound: 0 });
  else if (volume.ratio !== undefined) {
    const ratio = { value: volume.ratio, of: volume.trailingMean ?? 0 };
    judge('volume-low', ratio, bounds.volumeBelow, (value, bound) => value < bound);
    judge('volume-high', ratio, bounds.volumeAbove);
  }
  const sent = intake.accepted + intake.duplicate + intake.refused;
  judge('refused', { value: intake.refusedShare, of: sent }, bounds.refusedShare);
  judge('duplicates', { value: duplicates.share, of: events.rows }, bounds.duplicateShare);
  judge('late', { value: lateness.lateShare, of: events.count - lateness.backfilled }, bounds.lateShare);
  judge('unknown-items', { value: unknownItems?.share ?? 0, of: events.count }, bounds.unknownItemShare);
  const { outcomes } = joins;
  judge('unmatched-outcomes', { value: 1 - (outcomes.rate ?? 1), of: outcomes.count }, bounds.unmatchedOutcomeShare);
  judge('suspicious-users', { value: suspiciousUsers.share, of: events.count }, bounds.suspiciousShare);

  const isBad = reasons.some(({ severity }) => severity === 'bad');
  return { verdict: isBad ? 'bad' : reasons.length > 0 ? 'warning' : 'ok', reasons };
}
