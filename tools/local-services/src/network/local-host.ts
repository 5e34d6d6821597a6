/** Where a process runs: this machine, or a host of a `LocalNetwork`. */
export interface LocalHost {
  /** The address that processes listen on and that others connect to. */
  readonly address: string;
  /** Returns the command that runs `command` on this host. */
  enter(command: readonly string[]): readonly string[];
}

export const thisMachine: LocalHost = { address: '127.0.0.1', enter: (command) => command };
