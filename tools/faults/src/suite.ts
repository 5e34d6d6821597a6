import { json, logProgress, option, printFigures } from '@facet/local-services';

/** The options of every suite. */
export const suiteOptions = { seed: option.seed('Seed of the random choices', 1), json };

/** Returns the option that selects some of the named parts of a suite. */
export function onlyOption(kind: string, parts: readonly (string | { readonly name: string })[]) {
  const names = parts.map((part) => (typeof part === 'string' ? part : part.name)).join(', ');
  return option.text('TEXT', `Run the ${kind} whose name contains TEXT: ${names}`, '');
}

/** The result of one part of a suite. */
export interface Row {
  readonly name: string;
  /** Descriptions of what went wrong. Without any, the part has passed. */
  readonly problems: readonly string[];
}

/** Plays the parts whose name contains `only` one after the other. Returns the result of each. */
export async function playEach<Part extends { readonly name: string }, Played extends Row>(
  parts: readonly Part[],
  only: string,
  play: (part: Part, position: number) => Promise<Played>,
): Promise<Played[]> {
  const rows: Played[] = [];
  for (const [position, part] of parts.entries()) {
    if (!part.name.includes(only)) continue;
    logProgress(part.name);
    const row = await play(part, position);
    for (const problem of row.problems) logProgress(`  FAILED: ${problem}`);
    rows.push(row);
  }
  return rows;
}

/** Prints the result of each part and ends the process. No part, or a part with a problem, fails the suite. */
export function endWithRows(isJson: boolean, rows: readonly Row[]): never {
  endSuite(isJson, {
    ok: rows.length > 0 && rows.every(({ problems }) => problems.length === 0),
    parts: rows.map(({ problems, ...row }) => ({ ...row, result: problems.length === 0 ? 'passed' : 'FAILED' })),
    problems: rows.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
  });
}

/** Prints the results of a suite and ends the process: with 0 if the suite has passed, else with 1. */
export function endSuite<Results extends { readonly ok: boolean }>(isJson: boolean, results: Results): never {
  printFigures(isJson, results);
  process.exit(results.ok ? 0 : 1);
}
