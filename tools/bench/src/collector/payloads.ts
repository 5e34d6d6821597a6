/** Events of a generated shop: 200 bytes each as JSON, users and items by a power law. */

const users = 200_000;
const items = 50_000;
const types = ['view', 'view', 'view', 'view', 'click', 'add_to_cart', 'purchase'];

let next = 0;

/** One event as it is posted; every call gives another. */
export function nextEvent(run: string): { readonly userId: string; readonly json: string } {
  const number = next++;
  const mixed = Math.imul(number ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const userId = `u${powerLaw(mixed, users)}`;
  const json = `{"eventId":"${run}-${number}","type":"${types[mixed % types.length]}","userId":"${userId}","itemId":"i${powerLaw(Math.imul(mixed, 0xc2b2ae35) >>> 0, items)}","occurredAt":${Date.now()},"sessionId":"s${mixed % 1_000_000}","context":{"device":"phone","page":"category"}}`;
  return { userId, json };
}

/** The body of a request. */
export function nextBatch(run: string, size: number): string {
  return `[${Array.from({ length: size }, () => nextEvent(run).json).join(',')}]`;
}

function powerLaw(mixed: number, bound: number): number {
  return Math.floor(bound * (mixed / 2 ** 32) ** 3);
}
