/**
 * Whether the process of this host that left something behind at the given time (epoch milliseconds) still runs. Its id may
 * be this process's own from an earlier life: process 1 of a container.
 */
export function isRunning(pid: number, at: number): boolean {
  if (pid === process.pid) return at >= Date.now() - process.uptime() * 1000;
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
