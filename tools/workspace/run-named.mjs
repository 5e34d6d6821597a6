import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './runner.mjs';

/**
 * @typedef {object} Program
 * @property {string} summary One line of the list that `--help` prints.
 * @property {string} [file] The compiled program, relative to the root of the workspace. Default: `dist/NAME/main.js` of the tool.
 * @property {boolean} [needsServices] Whether setup installs Kafka and Redis first.
 * @property {string} [arguments] What the program wants in addition to options, as its help names it.
 * @property {Readonly<Record<string, string>>} [environment]
 */

/**
 * Runs the program that the first argument names and passes the other arguments on. Begins the help of the program with its
 * command and its summary. Exits with the program's code, or with 2 when no program has that name.
 *
 * @param {string} usage The command line, such as `npm run bench -- NAME`.
 * @param {string} tool The folder of the programs below tools.
 * @param {Readonly<Record<string, Program>>} programs
 */
export function runNamed(usage, tool, programs) {
  const [name = '--help', ...args] = process.argv.slice(2);
  if (name === '--help' || name === '-h') return void process.stdout.write(listPrograms(usage, programs));
  const program = programs[name];
  if (program === undefined) {
    process.stderr.write(`There is no "${name}".\n\n${listPrograms(usage, programs)}`);
    process.exitCode = 2;
    return;
  }
  const setup = [
    path.join(root, 'tools', 'setup', 'setup.mjs'),
    ...(program.needsServices ? ['--services', '--s3'] : []),
  ];
  const compiler = [path.join(root, 'tools', 'setup', 'build.mjs')];
  const { file = `tools/${tool}/dist/${name}/main.js` } = program;
  // Only programs in test folders are not compiled.
  const loader = file.endsWith('.ts') ? ['--conditions=@facet/source', '--import', 'tsx'] : [];
  const heading = [usage.replace('NAME', name), program.arguments ?? '', '[options]'].filter(Boolean).join(' ');
  for (const argv of [setup, compiler, [...loader, path.join(root, file), ...args]]) {
    if (argv.includes('--help')) process.stdout.write(`${program.summary}\n\n  ${heading}\n\n`);
    const { status, signal } = spawnSync(process.execPath, argv, {
      stdio: 'inherit',
      env: { ...program.environment, ...process.env },
    });
    if (signal !== null) return void process.kill(process.pid, signal);
    process.exitCode = status ?? 1;
    if (status !== 0) return;
  }
}

/**
 * @param {string} usage
 * @param {Readonly<Record<string, Program>>} programs
 */
function listPrograms(usage, programs) {
  const width = Math.max(...Object.keys(programs).map((name) => name.length));
  const lines = Object.entries(programs).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `${usage} [OPTIONS]\n\n${lines.join('\n')}\n\nEach prints its options with --help.\n`;
}
