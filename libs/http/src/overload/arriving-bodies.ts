import type { IncomingHttpHeaders } from 'node:http';
import type { HttpApp } from '../http-app.ts';
import { overloaded } from './admission.ts';

/**
 * Bounds the bodies that arrive at the same time, by the lengths that they announce: each is kept until it is whole, however
 * slowly it comes.
 */
export function addArrivalBound(
  app: HttpApp,
  { arrivingBytesMax, bodyBytesMax }: { readonly arrivingBytesMax: number; readonly bodyBytesMax: number },
): void {
  let arrivingBytes = 0;
  app.addHook('onRequest', async ({ raw, headers }, reply) => {
    const bytes = Math.min(announcedBytes(headers), bodyBytesMax);
    // A single one may be of any size, or it could never be sent.
    if (arrivingBytes > 0 && arrivingBytes + bytes > arrivingBytesMax) throw overloaded();
    arrivingBytes += bytes;
    let isArriving = true;
    const release = (): void => {
      if (isArriving) arrivingBytes -= bytes;
      isArriving = false;
    };
    // A request that comes by no socket is never closed, its answer is.
    raw.once('close', release);
    reply.raw.once('close', release);
  });
}

function announcedBytes(headers: IncomingHttpHeaders): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
}
