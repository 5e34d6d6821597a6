import { parseEnvironment } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The APIs of Facet that the console and `facet status` ask. */
export const apiNames = ['serving', 'collector', 'sink', 'trainer', 'indexer'] as const;
export type ApiName = (typeof apiNames)[number];

const Url = (address: string) => Type.String({ pattern: '^https?://[^/\\s]+/?$', default: address });

/** The variable of each API's address. */
export const apiVariables = {
  FACET_SERVING_URL: Url('http://127.0.0.1:8080'),
  FACET_COLLECTOR_URL: Url('http://127.0.0.1:8081'),
  FACET_SINK_URL: Url('http://127.0.0.1:8082'),
  FACET_TRAINER_URL: Url('http://127.0.0.1:8083'),
  FACET_INDEXER_URL: Url('http://127.0.0.1:8084'),
};

/** Returns the address of each API. */
export function readApiUrls(values: Static<Type.TObject<typeof apiVariables>>): Readonly<Record<ApiName, string>> {
  return {
    serving: values.FACET_SERVING_URL,
    collector: values.FACET_COLLECTOR_URL,
    sink: values.FACET_SINK_URL,
    trainer: values.FACET_TRAINER_URL,
    indexer: values.FACET_INDEXER_URL,
  };
}

/** Returns the variable with the address of an API, of the console or of Prometheus. */
export function urlVariable(name: string): string {
  return `FACET_${name.toUpperCase()}_URL`;
}

/** Reads the address of one API. @throws AppError `CONFIG_INVALID` */
export function parseApiUrl(name: ApiName, environment: NodeJS.ProcessEnv): string {
  const variable = urlVariable(name);
  return readApiUrls(parseEnvironment(Type.Object(apiVariables), { [variable]: environment[variable] }))[name];
}
