import { HealthBoundsSchema } from '@facet/lake/health-bounds';
import { dayMs, minuteMs, parseWith } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

/**
 * A day must reach the bound of a warning before the bound of a bad day, and events must be able to be late. Warnings and lateness
 * that keep their defaults may have no effect.
 */
export function findDataHealthProblems({ dataHealth }: Pick<FacetConfig, 'dataHealth'>): ConfigProblem[] {
  const defaults = parseWith(HealthBoundsSchema, {}, { source: 'dataHealth' });
  const problems: ConfigProblem[] = [];
  for (const [name, bounds] of Object.entries(dataHealth)) {
    if (typeof bounds !== 'object') continue;
    const { warning, bad } = bounds;
    const isLower = name === 'volumeBelow';
    if (isLower ? warning >= bad : warning <= bad) continue;
    if (warning === (defaults[name as keyof typeof defaults] as typeof bounds).warning) continue;
    problems.push({
      path: ['dataHealth', name],
      problem: `warning ${warning} is ${isLower ? 'below' : 'above'} bad ${bad}, so a day is bad without a warning`,
      remedy: 'Exchange or correct the two.',
    });
  }
  const { lateAfterMinutes, backfillAfterDays } = dataHealth;
  if (lateAfterMinutes !== defaults.lateAfterMinutes && lateAfterMinutes * minuteMs >= backfillAfterDays * dayMs) {
    problems.push({
      path: ['dataHealth', 'lateAfterMinutes'],
      problem: `${lateAfterMinutes} minutes are not less than the ${backfillAfterDays} days of backfillAfterDays, so no event is late`,
      remedy: 'Lower lateAfterMinutes or raise backfillAfterDays.',
      related: [['dataHealth', 'backfillAfterDays']],
    });
  }
  return problems;
}
