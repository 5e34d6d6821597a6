/**
 * The same command, but the kernel kills it when this process ends, however that happens.
 *
 * @param uid whom it runs as, where this process may choose: where it is root
 */
export function endWithUs(command: readonly string[], uid?: number): [file: string, ...args: string[]] {
  const user =
    uid === undefined || process.getuid?.() !== 0 ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return ['setpriv', '--pdeathsig', 'KILL', ...user, ...command];
}
