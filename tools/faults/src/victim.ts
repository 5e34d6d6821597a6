/** A part that a suite kills and starts again. */
export interface Victim {
  readonly name: string;
  /** Undefined for a host. */
  readonly isRunning?: boolean;
  readonly output?: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Kills a part. @throws Error with the output of a part that has exited before. */
export async function kill(victim: Victim): Promise<void> {
  if (victim.isRunning === false) throw new Error(`${victim.name} exited unexpectedly:\n${victim.output}`);
  await victim.kill();
}
