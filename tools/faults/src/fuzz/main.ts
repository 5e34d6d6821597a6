import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { json, logProgress, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { installJazzer } from './install-jazzer.ts';
import { seeds } from './seeds.ts';

const { values } = readCommandLine({
  usage: 'npm run test:faults -- fuzz-parsers',
  summary: 'Fuzz the parsers of files, cursors and Kafka batches, guided by the code that each input reaches',
  options: {
    seconds: option.number('Time for each parser', 60),
    seed: option.seed('Seed of the inputs', 1),
    only: option.text('TEXT', `Fuzz the parsers whose name contains TEXT: ${Object.keys(seeds).join(', ')}`, ''),
    json,
  },
  notes: `A finding is an error that is not an AppError, an input that takes longer than ten seconds, or a process that ends. Its input is in
the folder that is printed. The first run installs Jazzer.js.

Exit code: 0 without findings, 1 otherwise.`,
});

const targets = fileURLToPath(new URL('targets.js', import.meta.url));
const jazzer = await installJazzer();
const folder = await mkdtemp(join(tmpdir(), 'facet-fuzz-parsers-'));
const rows: { readonly parser: string; readonly inputs: number; readonly edges: number; readonly isPassed: boolean }[] =
  [];
for (const [parser, inputs] of Object.entries(seeds)) {
  if (!parser.includes(values.only)) continue;
  logProgress(parser);
  const corpus = join(folder, parser);
  await mkdir(corpus);
  for (const [at, input] of inputs.entries()) await writeFile(join(corpus, `seed-${at}`), input);
  rows.push({ parser, ...fuzz(parser, corpus) });
}
const isPassed = rows.length > 0 && rows.every((row) => row.isPassed);
if (values.json) console.log(JSON.stringify(rows));
else {
  const cells = rows.map((row) => [
    row.parser,
    String(row.inputs),
    String(row.edges),
    row.isPassed ? 'passed' : 'FAILED',
  ]);
  console.log(alignColumns([['parser', 'inputs', 'edges', 'result'], ...cells]).join('\n'));
}
if (isPassed) await rm(folder, { recursive: true });
else logProgress(`Inputs of findings: ${folder}`);
process.exitCode = isPassed ? 0 : 1;

function fuzz(parser: string, corpus: string): { inputs: number; edges: number; isPassed: boolean } {
  const args = [jazzer.program, targets, corpus, '--fuzzEntryPoint', parser, '--timeout', '10000', '--'];
  args.push(`-max_total_time=${values.seconds}`, `-seed=${values.seed}`, '-max_len=16384', '-rss_limit_mb=4096');
  const { status, stderr, stdout } = spawnSync(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...jazzer.environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const inputs = Number(/Done (\d+) runs/.exec(stderr)?.[1] ?? 0);
  const edges = Number([...stderr.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? 0);
  const isPassed = status === 0 && inputs > 0;
  if (!isPassed) logProgress(`${stdout}${stderr}`.slice(-8_000));
  return { inputs, edges, isPassed };
}
