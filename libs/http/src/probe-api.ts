/** Whether an API responds. */
export interface ApiState {
  /** `ready`, `not-ready`: it responds, but not yet to requests; `unreachable`: nothing responds. */
  readonly state: 'ready' | 'not-ready' | 'unreachable';
  /** Why it is not ready. */
  readonly problem?: string;
}

const probeTimeoutMs = 2_000;

/** Asks `/readyz` of an API. */
export async function probeApi(url: string): Promise<ApiState> {
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(probeTimeoutMs) });
    if (response.ok) return { state: 'ready' };
    const { message = `Status ${response.status}.` } = (await response.json()) as { readonly message?: string };
    return { state: 'not-ready', problem: message };
  } catch {
    return { state: 'unreachable' };
  }
}
