import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  createScratchFolder,
  findFreePorts,
  json,
  logProgress,
  option,
  pytorchPython,
  readCommandLine,
} from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { memoryMb } from '../figures.ts';
import { runInChild } from '../run-in-child.ts';

/** The target. The order of the examples in an epoch needs 4 bytes per example. */
const bytesPerExampleMax = 8;
const { values } = readCommandLine({
  usage: 'npm run bench -- external-trainer',
  summary: 'Measure the memory of the PyTorch reference program by the number of examples',
  options: {
    examples: option.numbers('Numbers of examples', [1_000_000, 10_000_000, 100_000_000]),
    items: option.number('Number of items', 100_000),
    processes: option.number('Number of processes of each training', 1),
    steps: option.number('Number of steps of each training', 100),
    threads: option.number('Number of PyTorch threads of each process', 2),
    json,
  },
  notes: `export    Peak memory of the process that generates the data and writes the training folder
private   Largest peak memory of a process of train.py, without mapped files
resident  The same with the pages of data.safetensors, which the system can reclaim
start     Time until the first step
step      Mean time of a step

100 million examples take 4 GB of disk. The first run installs PyTorch into the cache, which takes some gigabytes.

Exit code: 0 when private memory grows by at most ${bytesPerExampleMax} bytes per example, 1 otherwise.`,
});

interface Measured {
  readonly examples: number;
  /** Peak memory of the process that writes the folder. */
  readonly exportMb: number;
  /** Peak memory of the reference program without mapped files. */
  readonly privateMb: number;
  /** Peak memory of the reference program with mapped files. */
  readonly residentMb: number;
  /** Seconds until the first step. */
  readonly startSeconds: number;
  readonly stepMs: number;
}

const python = await pytorchPython();
const results: Measured[] = [];
for (const examples of values.examples) {
  logProgress(`${examples.toLocaleString('en')} examples`);
  const { path, remove } = await createScratchFolder('bench-external-trainer');
  const exportMb = await runInChild<number>(new URL('external-in-child.js', import.meta.url), [
    path,
    examples,
    values.items,
  ]);
  results.push({ examples, exportMb, ...(await train(path)) });
  await remove();
}
const [first, last] = [results[0]!, results.at(-1)!];
const bytesPerExample = (1e6 * (last.privateMb - first.privateMb)) / Math.max(1, last.examples - first.examples);
if (values.json) console.log(JSON.stringify({ results, bytesPerExample }));
else {
  console.log(render(results));
  console.log(`Private memory grows by ${bytesPerExample.toFixed(1)} bytes per example (≤ ${bytesPerExampleMax})`);
}
process.exitCode = bytesPerExample <= bytesPerExampleMax ? 0 : 1;

async function train(folder: string): Promise<Omit<Measured, 'examples' | 'exportMb'>> {
  const script = fileURLToPath(new URL('../../../external-trainer/train.py', import.meta.url));
  const args = [script, folder, '--steps', String(values.steps), '--threads', String(values.threads)];
  const startedAt = performance.now();
  const [port] = await findFreePorts(1);
  const programs = Array.from({ length: values.processes }, (_, rank) => {
    const ranks = { RANK: String(rank), LOCAL_RANK: String(rank), WORLD_SIZE: String(values.processes) };
    const address = { MASTER_ADDR: '127.0.0.1', MASTER_PORT: String(port) };
    // On a busy machine, threads that spin while they wait are much slower.
    const env = { ...process.env, ...ranks, ...address, OMP_WAIT_POLICY: 'PASSIVE' };
    return spawn(python, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  });
  let [privateMb, residentMb] = [0, 0];
  const timer = setInterval(() => {
    for (const { pid, exitCode } of programs) {
      if (exitCode !== null) continue;
      const resident = memoryMb('VmHWM', pid);
      // The memory of a program that has just ended is NaN.
      if (Number.isNaN(resident)) continue;
      privateMb = Math.max(privateMb, memoryMb('RssAnon', pid));
      residentMb = Math.max(residentMb, resident);
    }
  }, 20);
  const outputs = programs.map(async (program) => {
    const [output, [code]] = await Promise.all([text(program.stdout), once(program, 'close')]);
    if (code !== 0) throw new Error(`${args.join(' ')} exited with ${String(code)}.`);
    return output;
  });
  // Only the first process prints progress, after the messages of Gloo.
  const [output] = await Promise.all(outputs).finally(() => {
    clearInterval(timer);
    // A process waits for the others, also if one has failed.
    for (const program of programs) program.kill();
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const { secondsPerStep } = JSON.parse(output!.trim().split('\n').at(-1)!) as { secondsPerStep: number };
  return {
    privateMb,
    residentMb,
    startSeconds: seconds - values.steps * secondsPerStep,
    stepMs: 1000 * secondsPerStep,
  };
}

function render(measured: readonly Measured[]): string {
  const head = ['examples', 'export', 'private', 'resident', 'start', 'step'];
  const rows = measured.map(({ examples, exportMb, privateMb, residentMb, startSeconds, stepMs }) => [
    examples.toLocaleString('en'),
    ...[exportMb, privateMb, residentMb].map((mb) => `${Math.round(mb).toLocaleString('en')} MB`),
    `${startSeconds.toFixed(1)} s`,
    `${stepMs.toFixed(1)} ms`,
  ]);
  return alignColumns([head, ...rows], { right: [...head.keys()] }).join('\n');
}
