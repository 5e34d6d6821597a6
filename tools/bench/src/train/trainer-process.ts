import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Result of a number of training steps. */
export interface StepsResult {
  readonly ms: number;
  /** Mean loss of the steps. */
  readonly loss: number;
  /** Resident memory, if the trainer reports it. */
  readonly rssMb?: number;
}

/** A trainer in a separate process, which is idle between calls of `train`. */
export interface TrainerProcess {
  train(steps: number): Promise<StepsResult>;
  stop(): Promise<void>;
}

export function startTrainer(command: string, args: readonly string[], env: NodeJS.ProcessEnv): TrainerProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const results = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async train(steps) {
      child.stdin.write(`${steps}\n`);
      const { value, done } = await results.next();
      if (done === true) throw new Error(`The trainer exited with ${await ended}.`);
      return JSON.parse(value) as StepsResult;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
