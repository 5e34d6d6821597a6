import { describeError } from '@facet/platform';

/** The health of one part of an installation. */
export interface Part {
  readonly name: string;
  /** `not-configured`: no setting names the part, and nothing responds at its default address. */
  readonly state: 'healthy' | 'unhealthy' | 'not-configured';
  /** What a person wants to know: figures, or the problem and its remedy. */
  readonly details: string;
  /** The same figures for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Runs the check of a part. An error makes the part unhealthy, with message and remedy as details. */
export async function checkPart(name: string, check: () => Promise<Omit<Part, 'name'>>): Promise<Part> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    return { name, state: 'unhealthy', details: describeError(error) };
  }
}

export function notConfigured(details: string): Omit<Part, 'name'> {
  return { state: 'not-configured', details };
}
