// Calls functions of compiled modules in separate processes. As a process, calls the functions that its parent names.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const script = import.meta.filename;

/** A process that calls functions that its module exports, one at a time. It is idle between the calls. */
export interface Child {
  readonly pid: number;
  call<Args extends readonly unknown[], Result>(
    task: (...args: Args) => Result | Promise<Result>,
    ...args: Args
  ): Promise<Result>;
  stop(): void;
}

/** Starts a process for the functions of a module. */
export function startChild(module: URL, env: NodeJS.ProcessEnv = {}): Child {
  const child = fork(script, [module.href], { serialization: 'advanced', env: { ...process.env, ...env } });
  const ended = once(child, 'exit').then(([code]): never => {
    throw new Error(`The process of ${fileURLToPath(module)} exited with ${String(code)}.`);
  });
  ended.catch(() => undefined);
  return {
    pid: child.pid!,
    async call<Args extends readonly unknown[], Result>({ name }: (...args: Args) => unknown, ...args: Args) {
      const reply = once(child, 'message');
      child.send([name, args]);
      const [[result]] = (await Promise.race([reply, ended])) as [[Result]];
      return result;
    },
    stop: () => child.disconnect(),
  };
}

/** Calls a function that a module exports in a new process. */
export async function runInChild<Args extends readonly unknown[], Result>(
  module: URL,
  task: (...args: Args) => Result | Promise<Result>,
  ...args: Args
): Promise<Result> {
  const child = startChild(module);
  const result = await child.call(task, ...args);
  child.stop();
  return result;
}

if (process.argv[1] === script) {
  process.on('message', ([name, args]: [string, unknown[]]) => {
    // The module may import this file, so it is loaded after it.
    void import(process.argv[2]!)
      .then((tasks: Record<string, (...args: unknown[]) => unknown>) => tasks[name]!(...args))
      .then((result) => process.send!([result]));
  });
  process.once('disconnect', () => process.exit());
}
