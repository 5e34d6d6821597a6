import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { removedVariables } from '@facet/config/removed-settings';
import { variables } from '@facet/config/variables';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';

/** Returns the variables of Facet that the expression finds in the files of the workspace that match one of the patterns. */
function findNames(expression: RegExp, ...patterns: string[]): string[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...patterns], {
    cwd: workspaceRoot,
    encoding: 'utf8',
  });
  const names = files
    .trim()
    .split('\n')
    .flatMap((file) => readFileSync(path.join(workspaceRoot, file), 'utf8').match(expression) ?? []);
  return [...new Set(names)];
}

// The names of other programs, such as OTEL_EXPORTER_OTLP_ENDPOINT, stay as they are.
const knownVariables = Object.keys(variables).filter((name) => name.startsWith('FACET_'));

it('knows each variable that an app, a command or a container reads, and no other', () => {
  // Code also contains beginnings of names, such as FACET_KAFKA.
  const isKnown = (name: string): boolean =>
    [...knownVariables, ...Object.keys(removedVariables)].some((known) => `${known}_`.startsWith(`${name}_`));
  expect(
    findNames(/\bFACET_[A-Z_]*[A-Z]\b/g, 'apps/*/src/*.ts', 'libs/*/src/*.ts', 'infra/*', 'docs/*.md').filter(
      (name) => !isKnown(name),
    ),
  ).toEqual([]);
  // The table and most tests only name a variable. Tests read those of development.
  const inCode = findNames(
    /\bFACET_[A-Z_]*[A-Z]\b/g,
    ...['apps/*/src/*', 'libs/*/src/*', 'tools/*/src/*', '*.mts', '*.mjs', 'infra/*', ':!libs/config/src/variables.ts'],
  );
  const inTests = findNames(/(?<=process\.env(?:\.|\['))FACET_[A-Z_]*[A-Z]\b/g, '*/test/*.ts');
  const suffixes = findNames(/(?<=\$\{prefix\})_[A-Z_]*[A-Z]\b/g, 'libs/config/src/connections.ts');
  // Connections of several servers read variables such as FACET_REDIS and _CA_FILE.
  const used = [...inCode, ...inTests, ...inCode.flatMap((prefix) => suffixes.map((suffix) => prefix + suffix))];
  expect(knownVariables.filter((name) => !used.includes(name))).toEqual([]);
});
