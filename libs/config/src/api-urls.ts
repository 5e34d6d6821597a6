import { parseEnvironment } from '@facet/platform';
import { Type } from 'typebox';
import { variables } from './variables.ts';
import type { Values } from './variables.ts';

/** The APIs of Facet that the console and `facet status` ask. */
export const apiNames = ['serving', 'collector', 'sink', 'trainer', 'indexer'] as const;
export type ApiName = (typeof apiNames)[number];

type ApiValues = Values<`FACET_${Uppercase<ApiName>}_URL`>;

/** Returns the address of each API. */
export function readApiUrls(values: ApiValues): Readonly<Record<ApiName, string>> {
  const entries = apiNames.map((name) => [name, values[urlVariable(name) as keyof ApiValues]]);
  return Object.fromEntries(entries) as Record<ApiName, string>;
}

/** Returns the variable with the address of an API, of the console or of Prometheus. */
export function urlVariable(name: string): string {
  return `FACET_${name.toUpperCase()}_URL`;
}

/** Reads the address of one API. @throws AppError `CONFIG_INVALID` */
export function parseApiUrl(name: ApiName, environment: NodeJS.ProcessEnv): string {
  const variable = urlVariable(name);
  const { schema } = variables[variable as keyof ApiValues];
  const values = parseEnvironment(Type.Object({ [variable]: schema }), environment);
  return String(values[variable]);
}
