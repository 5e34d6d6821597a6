import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';

interface Manifest {
  readonly nx?: { readonly targets?: { readonly test?: { readonly inputs: readonly string[] } } };
}

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: workspaceRoot, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((file) => existsSync(path.join(workspaceRoot, file)));
const projectPattern = /^(?:(?:apps|libs|tools)\/[^/]+|e2e)(?=\/)/;
const projects = new Set(
  files.filter((file) => /^(?:(?:apps|libs|tools)\/[^/]+|e2e)\/package\.json$/.test(file)).map(path.posix.dirname),
);
const projectOf = (file: string): string | undefined => {
  const folder = projectPattern.exec(file)?.[0];
  return folder !== undefined && projects.has(folder) ? folder : undefined;
};
/** Files outside all projects. Nx reruns a test after a change of such a file only if the inputs of a project list the file. */
const looseFiles = new Set(files.filter((file) => projectOf(file) === undefined));

function inputsOf(project: string): readonly string[] {
  const { nx } = JSON.parse(readFileSync(path.join(workspaceRoot, project, 'package.json'), 'utf8')) as Manifest;
  return nx?.targets?.test?.inputs ?? [];
}

function isInput(file: string, input: string): boolean {
  const pattern = input.replace('{workspaceRoot}/', '');
  return (
    input === 'workspace' || file === pattern || (pattern.endsWith('/**/*') && file.startsWith(pattern.slice(0, -4)))
  );
}

/** Returns the files outside all projects whose paths are in the text of a test. Ignores names without a folder, such as LICENSE. */
function looseFilesIn(text: string): string[] {
  const paths = [...text.matchAll(/['"`}]((?:\.\.\/)*[\w.-]+(?:\/[\w.-]+)*)['"`]/g)]
    .map(([, name = '']) => name)
    .filter((name) => name.includes('/'))
    .map((name) => name.replace(/^(?:\.\.\/)+/, ''));
  return [...new Set(paths)].filter((name) => looseFiles.has(name));
}

it('finds the files outside all projects in a test', () => {
  expect(looseFilesIn("readFileSync(new URL('../../../docs/model.md', import.meta.url))")).toEqual(['docs/model.md']);
  expect(looseFilesIn('new URL("../../../facet.yaml"); read("package.json"); read(`${root}infra/README.md`)')).toEqual([
    'facet.yaml',
    'infra/README.md',
  ]);
});

it('the inputs of each project contain the files outside all projects that its tests read', () => {
  const missing = files
    .filter((file) => /\/test\/.*\.ts$/.test(file) && projectOf(file) !== undefined)
    .flatMap((file) => {
      const inputs = inputsOf(projectOf(file)!);
      return looseFilesIn(readFileSync(path.join(workspaceRoot, file), 'utf8'))
        .filter((name) => !inputs.some((input) => isInput(name, input)))
        .map((name) => `${file} reads ${name}`);
    });
  expect(missing).toEqual([]);
});
