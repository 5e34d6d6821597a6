/** The limit for the sum of all bounds. */
export const linesMaxOfAll = 112_000;
/** The limit for one bound. Split a larger project instead of raising its bound. */
export const linesMaxOfProject = 9_000;

/** @typedef {{ size: number, linesMax: number, reason?: string }} Budget `size`: lines at the time when the bound was set. `reason`: why the bound was raised. */

/** The source lines of each project, without tests and generated files. A new bound is about 6 % above the size. @type {Record<string, Budget>} */
export const budgets = {
  'apps/cli': { size: 8000, linesMax: 8480 },
  'apps/collector': { size: 4846, linesMax: 5140 },
  'apps/console': { size: 8206, linesMax: 8700 },
  'apps/indexer': { size: 79, linesMax: 90 },
  'apps/serving': { size: 5103, linesMax: 5410 },
  'apps/trainer': { size: 910, linesMax: 970 },
  'libs/artifacts': { size: 2850, linesMax: 3030 },
  'libs/benchmark': { size: 2074, linesMax: 2200 },
  'libs/bundles': { size: 2996, linesMax: 3180 },
  'libs/client': { size: 1095, linesMax: 1170 },
  'libs/config': { size: 1865, linesMax: 1980 },
  'libs/evaluation': { size: 1333, linesMax: 1410 },
  'libs/event-log': { size: 539, linesMax: 580 },
  'libs/exposures': { size: 1887, linesMax: 2010 },
  'libs/features': { size: 2094, linesMax: 2220 },
  'libs/gate': { size: 1200, linesMax: 1280 },
  'libs/http': { size: 2041, linesMax: 2170 },
  'libs/import': { size: 4225, linesMax: 4480 },
  'libs/kafka': { size: 2343, linesMax: 2490 },
  'libs/lake': { size: 7476, linesMax: 7930 },
  'libs/model': { size: 5952, linesMax: 6310 },
  'libs/platform': { size: 2833, linesMax: 3010 },
  'libs/profiles': { size: 1533, linesMax: 1630 },
  'libs/recommendations': { size: 3602, linesMax: 3820 },
  'libs/refresh': { size: 1978, linesMax: 2100 },
  'libs/retrieval': { size: 3170, linesMax: 3370 },
  'libs/runs': { size: 999, linesMax: 1060 },
  'libs/schemas': { size: 701, linesMax: 750 },
  'libs/stages': { size: 5742, linesMax: 5980 },
  'libs/tf-graph': { size: 897, linesMax: 960 },
  'tools/bench': { size: 3993, linesMax: 4240 },
  'tools/external-trainer': { size: 499, linesMax: 530 },
  'tools/faults': { size: 3720, linesMax: 3950 },
  'tools/local-services': { size: 2100, linesMax: 2230 },
  'tools/pack': { size: 632, linesMax: 670 },
  'tools/setup': { size: 4311, linesMax: 4420 },
  'tools/testing': { size: 495, linesMax: 530 },
  'tools/workspace': { size: 1328, linesMax: 1400 },
};

/**
 * Compares the sizes of the projects with their budgets.
 *
 * @param {ReadonlyMap<string, number>} sizes Project → source lines.
 * @param {Readonly<Record<string, Budget>>} [table]
 * @returns {{ problems: string[], grown: string[], lines: number }} `grown`: the projects above the recorded size, largest growth first.
 */
export function compareWithBudgets(sizes, table = budgets) {
  const problems = [];
  const growths = [];
  let lines = 0;
  for (const [project, size] of sizes) {
    lines += size;
    const budget = table[project];
    if (budget === undefined) {
      problems.push(`${project} has no budget. Add a line to tools/workspace/budgets.mjs.`);
      continue;
    }
    if (size > budget.linesMax) {
      problems.push(
        `${project} has ${size} lines, above its bound of ${budget.linesMax}. Remove code, or raise the bound and give a reason.`,
      );
    }
    if (size > budget.size) growths.push({ project, growth: size - budget.size, ...budget, now: size });
  }
  for (const [project, { linesMax, size, reason }] of Object.entries(table)) {
    if (!sizes.has(project)) {
      problems.push(`${project} does not exist. Remove its line from tools/workspace/budgets.mjs.`);
    }
    if (linesMax > linesMaxOfProject && linesMax > size) {
      problems.push(`The bound of ${project} is above ${linesMaxOfProject} lines. Split the project.`);
    }
    if (linesMax > size * 1.1 + 40 && reason === undefined) {
      problems.push(`The bound of ${project} is more than 10 % above its size. Give a reason.`);
    }
  }
  const sum = Object.values(table).reduce((total, { linesMax }) => total + linesMax, 0);
  if (sum > linesMaxOfAll) problems.push(`The bounds add up to ${sum} lines, above the limit of ${linesMaxOfAll}.`);
  const grown = growths
    .sort((a, b) => b.growth - a.growth)
    .map(({ project, growth, now, linesMax }) => `${project}: +${growth}, ${now} of ${linesMax} lines`);
  return { problems, grown, lines };
}
