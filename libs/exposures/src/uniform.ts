import { hash } from 'node:crypto';

/**
 * A number in [0, 1) that follows from a salt and an id: the first 48 bits of SHA-256. The same texts always give the same
 * number, on every machine; numbers of other salts are independent of it.
 */
export function uniformOf(salt: string, id: string): number {
  return uniformsOf(salt, id)[0];
}

/** Two such numbers, independent of each other. */
export function uniformsOf(salt: string, id: string): readonly [number, number] {
  const digest = hash('sha256', `${salt}\0${id}`, 'hex');
  return [fraction(digest.slice(0, 12)), fraction(digest.slice(12, 24))];
}

function fraction(hex: string): number {
  return Number.parseInt(hex, 16) / 2 ** 48;
}
