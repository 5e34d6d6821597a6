import { homePaths } from '@facet/config/home-paths';
import { dayHealth, newestLakeDays, renderDayHealth, storeDayHealth } from '@facet/lake';
import type { DayHealth } from '@facet/lake';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { facet } from '../invocation.ts';
import { readConfig } from '../pipeline-context.ts';

export interface ValidateLakeOptions extends CommonOptions {
  /** `YYYY-MM-DD` */
  readonly day?: string;
  readonly days?: number;
}

const daysDefault = 7;

/**
 * `facet validate` without files: the health of days of the lake. Keeps each report in the home.
 *
 * @throws AppError `EVENTS_DAY_BAD` when a day is bad, `EVENTS_NONE` when the lake is empty
 */
export async function validateLakeCommand(options: ValidateLakeOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal } = context;
  const { lakeFolder, catalogFolder, healthFolder } = homePaths(options.home);
  const { dataHealth } = await readConfig(options);
  const days =
    options.day === undefined ? await newestLakeDays(lakeFolder, options.days ?? daysDefault) : [options.day];
  if (days.length === 0) {
    throw new AppError(`The lake of ${options.home} has no events.`, {
      code: 'EVENTS_NONE',
      category: 'input',
      remedy: `Import some with: ${facet} import --home ${options.home} --events FILE. Or check files with --events.`,
    });
  }
  const checked: DayHealth[] = [];
  const stage = progress.stage('validate');
  try {
    for (const [index, day] of days.entries()) {
      signal.throwIfAborted();
      stage.update(index / days.length, day);
      const health = await dayHealth(lakeFolder, catalogFolder, day, { bounds: dataHealth });
      await storeDayHealth(healthFolder, health);
      checked.push(health);
    }
  } finally {
    stage.failed();
  }
  output.show(checked.map(renderDayHealth).join('\n\n').trimEnd());
  output.document({ days: checked });
  const bad = checked.filter(({ verdict }) => verdict === 'bad').map(({ day }) => day);
  if (bad.length > 0) {
    throw new AppError(`${bad.length === 1 ? 'A day is' : `${bad.length} days are`} bad: ${bad.join(', ')}.`, {
      code: 'EVENTS_DAY_BAD',
      category: 'input',
      remedy: 'The report says why. What a healthy day is stands in facet.yaml, section dataHealth.',
    });
  }
}
