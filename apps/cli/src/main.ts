import { Interruption } from './command.ts';
import { readEnvironment } from './config.ts';
import { exitCodeOfSignal, runCli } from './run-cli.ts';

/** npm passes Ctrl-C on, so the process receives it twice within milliseconds. */
const echoMs = 500;

const stop = new AbortController();
let stoppedAt = 0;
for (const [name, code] of Object.entries(exitCodeOfSignal) as [keyof typeof exitCodeOfSignal, number][]) {
  process.on(name, () => {
    // The second request exits immediately. Files are written atomically, so no exit leaves a partial file.
    if (stop.signal.aborted && Date.now() - stoppedAt < echoMs) return;
    if (stop.signal.aborted) process.exit(code);
    stoppedAt = Date.now();
    stop.abort(new Interruption(name));
  });
}
// The reader of a pipe may close it early: `facet bundles | head -1`.
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
// Writes to pipes are asynchronous: exiting now would cut a long document.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((written) => stream.write('', written))),
);
// Exits explicitly, because a stage that cannot be canceled may still be running.
process.exit(exitCode);
