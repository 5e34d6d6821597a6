import { isUtf8 } from 'node:buffer';

/** A message that could not be used, where it stands in the log, and why. */
export interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the log took the message in, epoch milliseconds. */
  readonly timestamp: number;
  readonly field: string;
  readonly reason: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** A dead letter must fit into a record; the message itself is still in its topic. */
const payloadBytesMax = 500_000;

export function serializeDeadLetter({ key, value, ...facts }: DeadLetter): string {
  return JSON.stringify({ ...facts, key: textOf(key), ...payloadOf(value) });
}

function payloadOf(value: Buffer | null): Record<string, unknown> {
  if (value === null) return { payload: null, encoding: 'utf8' };
  const isCut = value.length > payloadBytesMax;
  const encoding = !isCut && isUtf8(value) ? 'utf8' : 'base64';
  const payload = value.subarray(0, payloadBytesMax).toString(encoding);
  return { payload, encoding, ...(isCut ? { bytes: value.length } : {}) };
}

function textOf(key: Buffer | null): string | null {
  return key === null ? null : key.toString('utf8');
}
