import { tlsProblemOf } from '@facet/platform';

/** `not-ready`: the API responds, but does not accept requests yet. `unreachable`: no Facet API responds. */
export const apiStates = ['ready', 'not-ready', 'unreachable'] as const;

/** Whether an API of Facet responds. */
export interface ApiState {
  readonly state: (typeof apiStates)[number];
  /** Why it is not ready, or why its certificate was refused. */
  readonly problem?: string;
  /** The version of Facet, if the API is ready. */
  readonly version?: string;
}

const probeTimeoutMs = 2_000;

/** The body of `/readyz`: the status, or a problem. */
interface ReadyBody {
  readonly status?: unknown;
  readonly version?: unknown;
  readonly statusCode?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

/** Asks `/readyz` of an API, without a key. */
export async function probeApi(url: string): Promise<ApiState> {
  try {
    const response = await fetch(new URL('/readyz', url), {
      redirect: 'error',
      signal: AbortSignal.timeout(probeTimeoutMs),
    });
    const { status, version, statusCode, code, message } = (await response.json()) as ReadyBody;
    if (response.ok) {
      if (status !== 'ready') return { state: 'unreachable' };
      return { state: 'ready', ...(typeof version === 'string' && { version }) };
    }
    const isProblem = statusCode === response.status && typeof code === 'string' && typeof message === 'string';
    return isProblem ? { state: 'not-ready', problem: message } : { state: 'unreachable' };
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    const tls = tlsProblemOf(code, new URL(url).host, 'FACET', 'NODE_EXTRA_CA_CERTS');
    return { state: 'unreachable', ...(tls && { problem: `${tls.reason}. ${tls.remedy}` }) };
  }
}
