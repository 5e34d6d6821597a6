import { relative, resolve } from 'node:path';
import { byLine, checkFacetConfig, describeConfig } from '@facet/config';
import { findEnvironmentProblems } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import { AppError, fieldOf, pathExists } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { addHome, addNotes, addSubcommand, facet } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { chooseConfigFile } from '../home.ts';
import { countOf } from '../terminal/text.ts';

export const registerConfig: Register = (command, deps) => {
  addNotes(
    addHome(addSubcommand(command, 'check', 'Check facet.yaml and shared variables, and start nothing'), deps),
    `Reports all problems, each with its line and its remedy, and exits with 2 if there is one:
  - unknown fields and wrong values
  - settings that contradict each other, such as splits in the wrong order or experiments that overlap
  - attributes that no item or user in the catalog of the data home has; apps only warn about them
  - wrong values of FACET_ variables that several apps share, and FACET_ variables that no part of Facet reads

Checks the file of --config, else FACET_CONFIG, else facet.yaml. Connects to no service. To find a Redis that belongs to another
installation, run facet status.`,
    'facet config check',
    'facet config check --config /etc/facet/facet.yaml --home /var/lib/facet',
    'facet config check --json',
  ).action(deps.action(check, { reportsVariables: true }));
  addNotes(
    addSubcommand(command, 'schema', 'Print the JSON Schema of facet.yaml'),
    `Editors complete and explain the settings of a facet.yaml that begins with this line:
  # yaml-language-server: $schema=./facet.schema.json`,
    'facet config schema > facet.schema.json',
  ).action(
    deps.action<[CommonOptions]>(async (_options, { output }) => {
      output.show(JSON.stringify(describeConfig(), null, 2));
      output.document(describeConfig());
    }),
  );
};

async function check(options: CommonOptions, { environment, output, terminal }: CommandContext): Promise<void> {
  const file = await chooseConfigFile(options);
  const exists = await pathExists(file);
  const checked = await checkFacetConfig(file, homePaths(options.home));
  const warnings = checked.warnings.map(({ remedy, ...each }) => ({
    ...each,
    remedy: `${remedy} The apps start with a warning in their logs.`,
  }));
  const problems = byLine([...checked.problems, ...warnings]);
  const variableProblems = findEnvironmentProblems(environment.inherited);
  output.document({
    file: resolve(file),
    exists,
    home: options.home,
    problems: [
      ...problems.map((each) => describeConfigProblem(file, each)),
      ...variableProblems.map((each) => describeConfigProblem('environment', each)),
    ],
  });
  const count = problems.length + variableProblems.length;
  if (count === 0) {
    output.show(exists ? `${shown(file)} is valid.` : `${shown(file)} does not exist, so all defaults apply.`);
    return;
  }
  const { style } = terminal;
  const render = (source: string, { line, remedy, ...problem }: ConfigProblem): string => {
    const location = style(['bold'], line === undefined ? source : `${source}:${line}`);
    return `${location}  ${fieldOf(problem)}: ${problem.problem}${remedy === undefined ? '' : `\n    ${remedy}`}`;
  };
  output.show(
    [
      ...problems.map((each) => render(shown(file), each)),
      ...variableProblems.map((each) => render('environment', each)),
    ].join('\n'),
  );
  throw new AppError(`The configuration has ${countOf(count, 'problem')}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct ${count === 1 ? 'it' : 'them'}, and repeat: ${facet} config check.`,
  });
}

function describeConfigProblem(source: string, problem: ConfigProblem): Record<string, unknown> {
  const { line = null, problem: text, remedy = null } = problem;
  return { source, line, field: fieldOf(problem), problem: text, remedy };
}

/** Returns the path as terminals and editors can open it from the current folder. */
function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? resolve(file) : path;
}
