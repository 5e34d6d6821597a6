import { GuardrailSettings } from '@facet/bundles/guardrails';
import { ColumnMappingSchema } from '@facet/import/mapping';
import { HealthBoundsSchema } from '@facet/lake/health-bounds';
import { eventTypePattern } from '@facet/schemas';
import { ExposureLogSettings } from '@facet/exposures';
import { ExperimentsSettings, parseExperiments } from '@facet/exposures';
import {
  checkModel,
  defaultExtractor,
  ExtractorKind,
  extractorSchemas,
  ModelConfig,
  modelVariant,
  TrainingConfig,
} from '@facet/model';
import { parseWith, readConfigFile } from '@facet/platform';
import { checkServingSettings, ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { GateSettings } from './gate-settings.ts';

/** A day or moment in UTC: `2011-10-01` or RFC 3339. */
const Moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$' });

/** A section may be left out; a field that it does not have is a slip of the pen. */
const strictSection = { default: {}, additionalProperties: false };

/** `facet.yaml`. Every field has a default; docs/configuration.md explains each. */
export const FacetConfig = Type.Object(
  {
    /** Columns of the user's own files, by what they mean; what is not named is found by its usual names. */
    mapping: Type.Optional(ColumnMappingSchema),
    /** Event types of one's own beside the standard ones. */
    eventTypes: Type.Array(Type.String({ pattern: eventTypePattern }), { default: [] }),
    interactions: Type.Object(
      {
        /** Which events count as positive. */
        positives: Type.String({ default: 'click or add_to_cart or purchase or rating >= 4' }),
        /** `keep`: every repeat of an item counts. `first`: only the first. */
        repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')], { default: 'keep' }),
        /** Seeds the order of interactions of the same moment. */
        tieSeed: Type.Integer({ default: 1 }),
        /** Users who are left out, with all that they did. Of events of any type, on a day in UTC. */
        bots: Type.Object(
          {
            /** Who has more events on a day is a bot. */
            eventsPerDayMax: Type.Integer({ minimum: 1, default: 5_000 }),
            /** So is who is active in this many hours of a day; 25 is never. */
            noSleepHours: Type.Integer({ minimum: 1, maximum: 25, default: 20 }),
          },
          strictSection,
        ),
        rareItems: Type.Object(
          {
            /** Choices of an item that fewer users chose are left out. */
            minUsers: Type.Integer({ minimum: 1, default: 1 }),
          },
          strictSection,
        ),
      },
      strictSection,
    ),
    split: Type.Object(
      {
        /** The newest share of the interactions, held out for the evaluation. */
        testShare: Type.Number({ exclusiveMinimum: 0, maximum: 0.5, default: 0.2 }),
        /** The share before it, for early stopping. */
        validationShare: Type.Number({ exclusiveMinimum: 0, maximum: 0.5, default: 0.2 }),
        /** Fixed boundaries instead of shares; both or neither. */
        testFrom: Type.Optional(Moment),
        validationFrom: Type.Optional(Moment),
        /** Windows of whole days back from the end of the data, as the daily refresh wants them; both or neither. */
        testDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
        validationDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
      },
      strictSection,
    ),
    features: Type.Object(
      {
        items: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        users: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        /** Whether the words of an item's title are a feature. */
        titleWords: Type.Boolean({ default: true }),
        /** A value must be carried by this many items or users. */
        minHolders: Type.Integer({ minimum: 1, default: 3 }),
        /** Most values kept of one item's feature. */
        maxSlots: Type.Integer({ minimum: 1, default: 10 }),
      },
      strictSection,
    ),
    /** How a dataset is made; it is the same, whatever these are. */
    dataset: Type.Object(
      {
        /** Of DuckDB, which spills to the temporary folder beyond it. The process takes more: 12 bytes a choice, and the ids. */
        memoryLimit: Type.String({ pattern: '^\\d+(\\.\\d+)? ?[KMGT]i?B$', default: '2GB' }),
        /** Of DuckDB. */
        threads: Type.Integer({ minimum: 1, maximum: 1_024, default: 2 }),
      },
      strictSection,
    ),
    /** Overrides of the variant's hyper-parameters. */
    model: Type.Object(
      {
        /** `facet` (the default recipe) or `mind` (the paper). */
        variant: Type.String({ default: 'facet' }),
        extractor: Type.Optional(Type.Object({}, { additionalProperties: true })),
      },
      { default: {}, additionalProperties: true },
    ),
    /** Overrides of the variant's training settings. */
    training: Type.Object(
      { warm: Type.Optional(Type.Object({}, { additionalProperties: true })) },
      { default: {}, additionalProperties: true },
    ),
    /** How a model is trained; it is the same, whatever these are. */
    trainer: Type.Object(
      {
        /** Whether a training that would take more memory than there is, by estimate, is refused before it starts. */
        memoryCheck: Type.Boolean({ default: true }),
      },
      strictSection,
    ),
    index: Type.Object(
      {
        /** `auto` chooses by the number of items and by what is measured. */
        kind: Type.Union([Type.Literal('auto'), Type.Literal('flat'), Type.Literal('hnsw'), Type.Literal('ivf')], {
          default: 'auto',
        }),
        /** `auto` scans a catalog of at most so many items, and measures nothing. */
        flatItemsMax: Type.Integer({ minimum: 0, default: 50_000 }),
        /** Index recall@200 that an approximate index must reach against exact search. */
        recallMin: Type.Number({ minimum: 0, maximum: 1, default: 0.98 }),
      },
      strictSection,
    ),
    /** The answer for somebody of whom no behavior is known. */
    popularity: Type.Object(
      {
        /** Days before the end of the data; the first are the default. */
        windowDays: Type.Array(Type.Integer({ minimum: 1, maximum: 3_650 }), {
          minItems: 1,
          maxItems: 10,
          default: [7, 30, 90],
        }),
        /** Attributes of users who get lists of their own, by value. */
        segments: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        /** A segment with fewer users in a window has no list of it. */
        minUsers: Type.Integer({ minimum: 1, default: 50 }),
      },
      strictSection,
    ),
    artifacts: Type.Object(
      {
        /** Bundles kept beside the current and the previous one, with what they were made of. */
        keep: Type.Integer({ minimum: 3, default: 5 }),
      },
      strictSection,
    ),
    refresh: Type.Object(
      {
        /** Five or six cron fields, in `timeZone`. */
        cron: Type.String({ default: '30 2 * * *' }),
        /** Where a day begins and the clock of `cron`. */
        timeZone: Type.String({ default: 'UTC' }),
        /** Without a newer bundle so long after it was due, `facet_refresh_overdue_seconds` counts. */
        promoteWithinHours: Type.Number({ exclusiveMinimum: 0, default: 6 }),
        /** After days without a refresh: the newest one only, or all of them in turn. */
        catchUp: Type.Union([Type.Literal('newest'), Type.Literal('all')], { default: 'newest' }),
        catchUpDaysMax: Type.Integer({ minimum: 1, maximum: 366, default: 7 }),
        /** Days from one training from the beginning to the next; 0: always. */
        fullRetrainDays: Type.Integer({ minimum: 0, default: 7 }),
        /** How often a stage is tried that failed for a reason that may pass. */
        attempts: Type.Integer({ minimum: 1, maximum: 20, default: 3 }),
      },
      strictSection,
    ),
    profiles: Type.Object(
      {
        /** Positives kept of a user: the newest. */
        eventsMax: Type.Integer({ minimum: 1, maximum: 10_000, default: 500 }),
        /** A user or session of whom nothing came in for so long is forgotten. */
        ttlDays: Type.Number({ exclusiveMinimum: 0, maximum: 3_650, default: 180 }),
      },
      strictSection,
    ),
    evaluation: Type.Object(
      {
        cutoffs: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, default: [10, 50, 100] }),
        /** Seeds which of equally scored items ranks first. */
        tieSeed: Type.Integer({ default: 1 }),
      },
      strictSection,
    ),
    /** When an API goes back to the bundle before. */
    guardrails: GuardrailSettings,
    /** How an API answers requests, where they do not say. */
    serving: ServingSettings,
    /** What is recorded of answers. */
    exposures: ExposureLogSettings,
    /** What a healthy day of events is. */
    dataHealth: HealthBoundsSchema,
    gate: GateSettings,
    /** What an API answers differently for some users, and how that is compared. */
    experiments: ExperimentsSettings,
  },
  { additionalProperties: false },
);
export type FacetConfig = Static<typeof FacetConfig>;

/** @throws AppError `CONFIG_UNREADABLE`, `CONFIG_INVALID` naming the fields. */
export async function readFacetConfig(path: string): Promise<FacetConfig> {
  const config = await readConfigFile(FacetConfig, path);
  checkServingSettings(config.serving, parseExperiments(config.experiments, path), path);
  return config;
}

const strict = { additionalProperties: false };
const StrictTrainingConfig = Type.Object(
  { ...TrainingConfig.properties, warm: Type.Object(TrainingConfig.properties.warm.properties, strict) },
  strict,
);

/**
 * The variant's model and training settings with the overrides of `facet.yaml`; those of `extractor` and `warm` one by one.
 * An extractor of another kind than the variant's has the usual settings of its kind.
 *
 * @throws AppError `MODEL_UNKNOWN_VARIANT`, `MODEL_UNSUPPORTED`, `CONFIG_INVALID` naming the fields.
 */
export function resolveModel(config: FacetConfig): { model: ModelConfig; training: TrainingConfig } {
  const { variant, ...overrides } = config.model;
  const base = modelVariant(variant);
  const trained = { ...base.training, ...config.training, warm: { ...base.training.warm, ...config.training.warm } };
  return parseModelSettings({ model: overriddenModel(base.model, overrides), training: trained }, 'facet.yaml');
}

/** @throws AppError `CONFIG_INVALID` naming the fields that are wrong or unknown, `MODEL_UNSUPPORTED`. */
export function parseModelSettings(
  { model, training }: { readonly model: Pick<ModelConfig, 'extractor'>; readonly training: object },
  source: string,
): { model: ModelConfig; training: TrainingConfig } {
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
  const parsed = parseWith(schema, model, { source: `${source} model` });
  checkModel(parsed);
  return { model: parsed, training: parseWith(StrictTrainingConfig, training, { source: `${source} training` }) };
}

function overriddenModel(
  base: ModelConfig,
  { extractor: overrides, ...others }: Omit<FacetConfig['model'], 'variant'>,
): Pick<ModelConfig, 'extractor'> {
  const named = { kind: base.extractor.kind, ...overrides };
  const { kind } = parseWith(Type.Object({ kind: ExtractorKind }), named, { source: 'facet.yaml model.extractor' });
  const extractor = { ...(kind === base.extractor.kind ? base.extractor : defaultExtractor(kind)), ...overrides };
  const taken = 'interests' in others ? keepInterests(base) : base;
  return { ...taken, ...others, extractor: extractor as ModelConfig['extractor'] };
}

/** The model with its K whatever the data would have, as of one that is named. */
export function keepInterests(model: ModelConfig): ModelConfig {
  return model.interestUsersMin === undefined ? model : { ...model, interestUsersMin: 0 };
}
