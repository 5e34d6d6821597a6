import underPressure from '@fastify/under-pressure';
import type { HttpApp } from '../http-app.ts';
import { overloaded } from './admission.ts';

/**
 * Turns requests away while the event loop is late, as a mean over a second. Probes and metrics still answer: a busy
 * process must not be taken for a dead one, and its figures are wanted then.
 */
export async function addPressureRelief(
  app: HttpApp,
  options: { readonly eventLoopDelayMsMax: number },
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: options.eventLoopDelayMsMax,
    pressureHandler: (request) => {
      if (request.routeOptions.url?.startsWith('/v1/') === true) throw overloaded();
    },
  });
}
