import { Compile } from 'typebox/schema';
import type { Validator } from 'typebox/schema';

/** A JSON Schema of the document. */
export type JsonSchema = { readonly [keyword: string]: unknown };

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly schema: JsonSchema;
  readonly example: unknown;
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

export interface ApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
}

export interface ReceivedResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface Operation {
  readonly operationId: string;
  readonly method: 'GET' | 'POST';
  /** With parameter names in braces. */
  readonly path: string;
  readonly isOpen: boolean;
  readonly parameters: readonly Parameter[];
  /** The JSON body; undefined if there is none. */
  readonly body: { readonly schema: JsonSchema; readonly examples: readonly unknown[] } | undefined;
  /** Returns examples of responses that violate their schemas. */
  faultyExamples(): string[];
  /** Returns the function that checks a value against a named schema. */
  componentChecker(name: string): (value: unknown) => boolean;
  /** Returns how a response violates the document, if it does. Undocumented fields are violations. */
  faultOf(response: ReceivedResponse): string | undefined;
}

/** Reads the operations of an OpenAPI 3.1 document, with validators for responses. */
export function readContract(document: ApiDocument): readonly Operation[] {
  const components = strict(document.components) as ApiDocument['components'];
  const validators = new Map<string, Validator>();
  const validatorOf = (schema: JsonSchema): Validator => {
    const key = JSON.stringify(schema);
    const known = validators.get(key) ?? Compile({ ...(strict(schema) as JsonSchema), components });
    validators.set(key, known);
    return known;
  };
  const faultsOf = (schema: JsonSchema, value: unknown): string | undefined => {
    const validator = validatorOf(schema);
    if (validator.Check(value)) return undefined;
    return validator
      .Errors(value)[1]
      .slice(0, 3)
      .map(({ instancePath, message }) => `${instancePath} ${message}`)
      .join('; ');
  };

  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Operation => {
      const { operationId, responses, requestBody, security, parameters = [] } = operation;
      const body = requestBody?.content['application/json'];
      return {
        operationId,
        method: method.toUpperCase() as Operation['method'],
        path,
        isOpen: security?.length === 0,
        parameters,
        body: body && { schema: body.schema, examples: examplesOf(body) },
        faultyExamples: () =>
          Object.entries(responses).flatMap(([status, { content = {} }]) =>
            Object.values(content).flatMap((media) =>
              examplesOf(media).flatMap((example) => {
                const fault = faultsOf(media.schema, example);
                return fault === undefined ? [] : [`${operationId} ${status}: ${fault}`];
              }),
            ),
          ),
        componentChecker(name) {
          const validator = Compile({ $ref: `#/components/schemas/${name}`, components: document.components } as never);
          return (value) => validator.Check(value);
        },
        faultOf({ statusCode, headers, body: text }) {
          const response = responses[statusCode] ?? responses[`${Math.floor(statusCode / 100)}XX`];
          if (response === undefined) return `${statusCode} is not in the document`;
          const [mediaType = ''] = String(headers['content-type']).split(';');
          const media = response.content?.[mediaType];
          if (media === undefined) return `${statusCode} of the type ${mediaType} is not in the document`;
          const value: unknown = mediaType === 'application/json' ? JSON.parse(text) : text;
          const fault = faultsOf(media.schema, value);
          return fault === undefined ? undefined : `${statusCode}: ${fault}: ${text.slice(0, 500)}`;
        },
      };
    }),
  );
}

function examplesOf({ example, examples }: Media): unknown[] {
  return [
    ...(example === undefined ? [] : [example]),
    // Examples of requests have names.
    ...Object.values(examples ?? {}).map(({ value }) => value),
  ];
}

/** Keywords whose values are data instead of schemas. */
const dataKeywords: ReadonlySet<string> = new Set(['example', 'examples', 'default', 'enum', 'const']);

/** Returns the schema with undocumented fields forbidden. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.entries(schema).map(([key, value]) => [key, dataKeywords.has(key) ? value : strict(value)]);
  const copy = Object.fromEntries(fields) as Record<string, unknown>;
  const isClosed = typeof copy['properties'] === 'object' && copy['type'] === 'object';
  return isClosed ? { additionalProperties: false, ...copy } : copy;
}

/** Returns the URL of an operation with encoded parameters. Query parameters may be absent. */
export function urlOf({ path, parameters }: Operation, values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  let url = path;
  for (const { name, in: location } of parameters) {
    const value = values[name];
    if (value === undefined) continue;
    if (location === 'path') url = url.replace(`{${name}}`, encodeURIComponent(String(value)));
    else query.set(name, String(value));
  }
  return query.size === 0 ? url : `${url}?${query}`;
}
