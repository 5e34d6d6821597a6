/** The same command, but the kernel kills it when this process ends, however that happens. */
export function endWithUs(command: readonly string[]): [file: string, ...args: string[]] {
  return ['setpriv', '--pdeathsig', 'KILL', ...command];
}
