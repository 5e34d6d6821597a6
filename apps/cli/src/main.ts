import { readEnvironment } from './config.ts';
import { Interruption } from './interruption.ts';
import { runCli } from './run-cli.ts';

const exitCodeOfSignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Under npm one Ctrl-C arrives twice, from the terminal and from npm, a few milliseconds apart. */
const echoMs = 500;

const stop = new AbortController();
let stoppedAt = 0;
for (const [name, code] of Object.entries(exitCodeOfSignal) as [keyof typeof exitCodeOfSignal, number][]) {
  process.on(name, () => {
    // Asked twice: at once. What is written is whole or not there, whenever a process dies.
    if (stop.signal.aborted && Date.now() - stoppedAt < echoMs) return;
    if (stop.signal.aborted) process.exit(code);
    stoppedAt = Date.now();
    stop.abort(new Interruption(name));
  });
}
// The reader of a pipe has seen enough: `facet bundles | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await runCli(process.argv.slice(2), {
  environment: readEnvironment(process.env),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  now: Date.now,
});
// A pipe takes what it is given in its own time: a long document would end in the middle.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((written) => stream.write('', written))),
);
// Not by an empty event loop: a stage that could not be stopped half-way may still be at work.
process.exit(exitCode);
