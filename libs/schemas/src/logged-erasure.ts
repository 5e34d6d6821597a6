import { refuseIdentifier } from './identifier.ts';
import { parseJson } from './parse-json.ts';
import { isPlainObject, refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

/** A request to forget all that was received of a user until then, as a record of the erasure topic has it. */
export interface ErasureRequest {
  readonly erasureId: string;
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  /** The name of the key or the person that asked. */
  readonly requestedBy: string;
}

/** The value of a record of the erasure topic; its key is the user's id. */
export function serializeErasure({ erasureId, userId, requestedAt, requestedBy }: ErasureRequest): string {
  return JSON.stringify({ erasureId, userId, requestedAt, requestedBy });
}

/** Parses the value of a record of the erasure topic. */
export function parseLoggedErasure(value: Uint8Array | null): { ok: true; erasure: ErasureRequest } | Refusal {
  const json = parseJson(value);
  if (!json.ok) return json;
  if (!isPlainObject(json.value)) return refuse('', 'not-an-object');
  const { erasureId, userId, requestedAt, requestedBy } = json.value;
  for (const [field, id] of Object.entries({ erasureId, userId, requestedBy })) {
    const problem = refuseIdentifier(id);
    if (problem !== undefined) return refuse(field, problem);
  }
  if (!Number.isSafeInteger(requestedAt)) return refuse('requestedAt', 'not-a-time');
  return { ok: true, erasure: { erasureId, userId, requestedAt, requestedBy } as ErasureRequest };
}
