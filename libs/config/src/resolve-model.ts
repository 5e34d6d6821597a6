import {
  checkModel,
  defaultExtractor,
  ExtractorKind,
  extractorSchemas,
  ModelConfig,
  modelVariant,
  TrainingConfig,
} from '@facet/model';
import type { ModelSettings } from '@facet/model';
import { parseWith } from '@facet/platform';
import { Type } from 'typebox';
import type { FacetConfig } from './facet-config.ts';

const strict = { additionalProperties: false };
const StrictTrainingConfig = Type.Object(
  { ...TrainingConfig.properties, warm: Type.Object(TrainingConfig.properties.warm.properties, strict) },
  strict,
);

/**
 * Returns model and training settings: those of the variant with the overrides of `facet.yaml`. Overrides of `extractor` and
 * `warm` apply to single settings. An extractor of another kind than the variant's starts from the defaults of its kind.
 *
 * @throws AppError `MODEL_UNKNOWN_VARIANT`, `MODEL_UNSUPPORTED`, `CONFIG_INVALID` naming the fields.
 */
export function resolveModel(config: FacetConfig): ModelSettings {
  const { variant, ...overrides } = config.model;
  const base = modelVariant(variant);
  const trained = { ...base.training, ...config.training, warm: { ...base.training.warm, ...config.training.warm } };
  return parseModelSettings({ model: overriddenModel(base.model, overrides), training: trained }, 'facet.yaml');
}

/** @throws AppError `CONFIG_INVALID` naming the fields that are wrong or unknown, `MODEL_UNSUPPORTED`. */
export function parseModelSettings(
  { model, training }: { readonly model: Pick<ModelConfig, 'extractor'>; readonly training: object },
  source: string,
): ModelSettings {
  const schema = Type.Object(
    {
      ...ModelConfig.properties,
      extractor: Type.Object(
        extractorSchemas[model.extractor.kind].properties,
        strict,
      ) as unknown as typeof ModelConfig.properties.extractor,
    },
    strict,
  );
  const parsed = parseWith(schema, model, { source, at: ['model'] });
  checkModel(parsed);
  return { model: parsed, training: parseWith(StrictTrainingConfig, training, { source, at: ['training'] }) };
}

function overriddenModel(
  base: ModelConfig,
  { extractor: overrides, ...others }: Omit<FacetConfig['model'], 'variant'>,
): Pick<ModelConfig, 'extractor'> {
  const named = { kind: base.extractor.kind, ...overrides };
  const { kind } = parseWith(Type.Object({ kind: ExtractorKind }), named, {
    source: 'facet.yaml',
    at: ['model', 'extractor'],
  });
  const extractor = { ...(kind === base.extractor.kind ? base.extractor : defaultExtractor(kind)), ...overrides };
  const kept = 'interests' in others ? keepInterests(base) : base;
  return { ...kept, ...others, extractor };
}

/** Returns the model with a fixed K, which training does not compare with one interest. */
export function keepInterests(model: ModelConfig): ModelConfig {
  return model.interestGainMin === undefined ? model : { ...model, interestGainMin: 0 };
}
