#!/usr/bin/env node
// Makes a fresh clone ready to run; with --services, also ready for `npm test`; with --s3, for tests on S3, and with --hosts, for those on several hosts. Plain JavaScript without dependencies: it runs before anything is installed.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interrupted, SetupFailure } from './kit/failure.mjs';
import { createProgress } from './kit/progress.mjs';
import { areServicesReady, hasHostPrograms, hasS3Server, isReady, makePlan } from './plan.mjs';
import { checkNode } from './steps/machine.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const started = Date.now();
const progress = createProgress(process.stderr);
const stop = new AbortController();
let exitCode = 0;
for (const [name, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(name, () => {
    exitCode = code;
    stop.abort();
  });
}

try {
  checkNode(process.versions.node);
  const plan = makePlan(root, process.env);
  const services = process.argv.includes('--services');
  const s3 = process.argv.includes('--s3');
  const hosts = process.argv.includes('--hosts');
  if (
    isReady(plan) &&
    (!services || areServicesReady(plan)) &&
    (!s3 || hasS3Server(plan)) &&
    (!hosts || hasHostPrograms(plan))
  ) {
    if (process.argv.includes('--verbose')) progress.print('✔ Facet is set up already');
  } else {
    const { runSetup } = await import('./run-setup.mjs');
    await runSetup(plan, { progress, services, s3, hosts, signal: stop.signal });
    progress.print(`✔ Facet is set up  ${Math.round((Date.now() - started) / 1_000)} s`);
  }
} catch (error) {
  progress.stop();
  if (stop.signal.aborted) {
    process.stderr.write('Setup stopped. Run the same command again to go on: finished parts are kept.\n');
  } else {
    exitCode = 1;
    process.stderr.write(describe(error));
  }
}
process.exitCode = exitCode;

/** @param {unknown} error */
function describe(error) {
  if (!(error instanceof SetupFailure)) {
    const text = error instanceof Error && !(error instanceof Interrupted) ? error.stack : String(error);
    return `\n✖ Setup failed unexpectedly\n  ${text}\n  Run the same command again; if it fails again, please report the text above.\n`;
  }
  const indent = (/** @type {string} */ text) => text.replaceAll('\n', '\n          ');
  return [
    `\n✖ ${error.message}`,
    error.tried && `  tried   ${indent(error.tried)}`,
    error.tail.length > 0 && `  output  ${indent(error.tail.join('\n'))}`,
    error.logFile && `  log     ${error.logFile}`,
    `  do      ${indent(error.remedy)}`,
    '',
  ]
    .filter((line) => line !== undefined && line !== false)
    .join('\n');
}
