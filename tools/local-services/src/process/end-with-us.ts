/**
 * Wraps a command so that the kernel kills it when this process ends for any reason.
 *
 * @param uid User id of the command; only root may choose it.
 */
export function endWithUs(command: readonly string[], uid?: number): [file: string, ...args: string[]] {
  const user =
    uid === undefined || process.getuid?.() !== 0 ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return ['setpriv', '--pdeathsig', 'KILL', ...user, ...command];
}
