import { extractorSchemas, ModelConfig, TrainingConfig, variantNames } from '@facet/model';
import { Type } from 'typebox';
import { FacetConfig } from './facet-config.ts';

const strict = { additionalProperties: false };
const { model, training } = FacetConfig.properties;

/** The variants of a model, and every setting that the parser of `model` and `training` knows. */
const EditedConfig = Type.Object(
  {
    ...FacetConfig.properties,
    model: Type.Object(
      {
        ...Type.Partial(ModelConfig).properties,
        variant: Type.Enum([...variantNames], described(model.properties.variant)),
        extractor: Type.Optional(
          Type.Union(
            Object.values(extractorSchemas).map((schema) => Type.Partial(schema, strict)),
            described(model.properties.extractor),
          ),
        ),
      },
      { ...strict, ...described(model) },
    ),
    training: Type.Object(
      {
        ...Type.Partial(TrainingConfig).properties,
        warm: Type.Optional(
          Type.Partial(TrainingConfig.properties.warm, { ...strict, ...described(TrainingConfig.properties.warm) }),
        ),
      },
      { ...strict, ...described(training) },
    ),
  },
  { ...strict, title: 'facet.yaml', description: 'Configuration of Facet. Every setting has a default.' },
);

/**
 * Returns the JSON Schema of `facet.yaml` for editors. It accepts what the parser accepts. `facet config check` also reports
 * contradictions.
 */
export function describeConfig(): Record<string, unknown> {
  const schema = JSON.parse(JSON.stringify(EditedConfig)) as Record<string, unknown>;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...(withoutDefaulted(schema) as Record<string, unknown>),
  };
}

function described(schema: object): { readonly default?: unknown; readonly description?: string } {
  const { default: value, description } = schema as { readonly default?: unknown; readonly description?: string };
  return { ...(value === undefined ? {} : { default: value }), ...(description === undefined ? {} : { description }) };
}

/** The parser fills in defaults before it checks, so that fields with a default are not required in the file. */
function withoutDefaulted(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutDefaulted);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { required, ...rest } = schema as { readonly required?: unknown; readonly properties?: Record<string, object> };
  const needed = Array.isArray(required)
    ? required.filter((name: string) => !('default' in (rest.properties?.[name] ?? {})))
    : [];
  return {
    ...Object.fromEntries(
      Object.entries(rest)
        // `documentedAs` is for OpenAPI documents.
        .filter(([name]) => name !== 'documentedAs')
        .map(([name, value]) => [name, name === 'default' ? value : withoutDefaulted(value)]),
    ),
    ...(needed.length === 0 ? {} : { required: needed }),
  };
}
