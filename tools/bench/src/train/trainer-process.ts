import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a trainer answers for the steps that it was told to take. */
export interface StepsTaken {
  readonly ms: number;
  /** Mean of the steps. */
  readonly loss: number;
  /** Resident memory, where the trainer says so. */
  readonly rssMb?: number;
}

/** A trainer in a process of its own, which waits while it is not asked. */
export interface TrainerProcess {
  train(steps: number): Promise<StepsTaken>;
  stop(): Promise<void>;
}

export function startTrainer(command: string, args: readonly string[], env: NodeJS.ProcessEnv): TrainerProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async train(steps) {
      child.stdin.write(`${steps}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`A trainer ended with ${await ended}.`);
      return JSON.parse(value) as StepsTaken;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
