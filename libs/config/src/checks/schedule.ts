import { suggestName } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { isTimeZone } from '@facet/platform/time-zone';
import { CronExpressionParser } from 'cron-parser';
import type { FacetConfig } from '../facet-config.ts';

/** Time zones must exist, and the schedule of refreshes must be a cron pattern. */
export function findTimeProblems({ refresh, mapping }: Pick<FacetConfig, 'refresh' | 'mapping'>): ConfigProblem[] {
  const zones = [
    { path: ['refresh', 'timeZone'], zone: refresh.timeZone },
    { path: ['mapping', 'timeZone'], zone: mapping?.timeZone ?? 'UTC' },
  ].filter(({ zone }) => !isTimeZone(zone));
  const cronFault = findCronFault(refresh.cron);
  return [
    ...zones.map(({ path, zone }) => ({
      path,
      problem: `"${zone}" is not a time zone`,
      remedy: `${suggestName(zone, Intl.supportedValuesOf('timeZone'))}Use an IANA name such as Europe/Berlin.`,
    })),
    ...(cronFault === undefined
      ? []
      : [
          {
            path: ['refresh', 'cron'],
            problem: `"${refresh.cron}" is not a schedule: ${cronFault}`,
            remedy: 'Write a cron pattern such as "30 2 * * *", or off.',
          },
        ]),
  ];
}

function findCronFault(cron: string): string | undefined {
  if (cron === 'off') return undefined;
  // The parser accepts any text as "* * * * *".
  if (cron.trim().split(/\s+/).length < 5) return 'it has fewer than five fields';
  try {
    CronExpressionParser.parse(cron, { tz: 'UTC' }).next();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
