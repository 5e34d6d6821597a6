import { Writable } from 'node:stream';
import { runCli } from '../src/run-cli.ts';
import { readEnvironment } from '../src/config.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, as main.ts does, with streams that remember. */
export async function run(
  args: readonly string[],
  options: { readonly signal?: AbortSignal; readonly env?: NodeJS.ProcessEnv; readonly now?: () => number } = {},
): Promise<Ran> {
  const [out, err] = [remember(), remember()];
  const code = await runCli(args, {
    environment: readEnvironment(options.env ?? {}),
    stdout: out.stream,
    stderr: err.stream,
    signal: options.signal ?? new AbortController().signal,
    now: options.now ?? (() => 0),
  });
  return { code, out: out.text(), err: err.text() };
}

function remember(): { stream: Writable; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}
