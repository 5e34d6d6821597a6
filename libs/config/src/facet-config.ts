import { GuardrailSettings } from '@facet/bundles/guardrails';
import { ColumnMappingSchema } from '@facet/import/mapping';
import { HealthBoundsSchema } from '@facet/lake/health-bounds';
import { eventTypePattern } from '@facet/schemas';
import { ExposureLogSettings } from '@facet/exposures';
import { ExperimentsSettings } from '@facet/exposures';
import { ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { GateSettings } from './gate-settings.ts';

/** A day or moment in UTC: `2011-10-01` or RFC 3339. */
const Moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$' });

/** Sections are optional; unknown fields are errors. */
const strictSection = { default: {}, additionalProperties: false };

/** `facet.yaml`. Every field has a default; docs/configuration.md is the reference. */
export const FacetConfig = Type.Object(
  {
    /** Columns of the user's files. */
    mapping: Type.Optional(ColumnMappingSchema),
    /** Event types in addition to the standard types. */
    eventTypes: Type.Array(Type.String({ pattern: eventTypePattern }), { default: [] }),
    interactions: Type.Object(
      {
        /** Rule for positive events. */
        positives: Type.String({ default: 'click or add_to_cart or purchase or rating >= 4' }),
        /** `keep`: repeated interactions with an item count. `first`: only the first counts. */
        repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')], { default: 'keep' }),
        /** Seed for the order of interactions of the same time. */
        tieSeed: Type.Integer({ default: 1 }),
        /** Excluded users, by their events of any type on a UTC day. */
        bots: Type.Object(
          {
            eventsPerDayMax: Type.Integer({ minimum: 1, default: 5_000 }),
            /** Hours with activity; 25 excludes no user. */
            noSleepHours: Type.Integer({ minimum: 1, maximum: 25, default: 20 }),
          },
          strictSection,
        ),
        rareItems: Type.Object(
          {
            /** Excludes interactions with items of fewer users. */
            minUsers: Type.Integer({ minimum: 1, default: 1 }),
          },
          strictSection,
        ),
      },
      strictSection,
    ),
    split: Type.Object(
      {
        /** Share of the newest interactions, held out for the evaluation. */
        testShare: Type.Number({ exclusiveMinimum: 0, maximum: 0.5, default: 0.2 }),
        /** Share before the test window, for early stopping. */
        validationShare: Type.Number({ exclusiveMinimum: 0, maximum: 0.5, default: 0.2 }),
        /** Fixed first days instead of shares; both or neither. */
        testFrom: Type.Optional(Moment),
        validationFrom: Type.Optional(Moment),
        /** Window lengths in days back from the end of the data; both or neither. */
        testDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
        validationDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
      },
      strictSection,
    ),
    features: Type.Object(
      {
        items: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        users: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        /** Use the words of titles as a feature. */
        titleWords: Type.Boolean({ default: true }),
        /** Minimum number of items or users with a value. */
        minHolders: Type.Integer({ minimum: 1, default: 3 }),
        /** Maximum number of values per feature of one item. */
        maxSlots: Type.Integer({ minimum: 1, default: 10 }),
      },
      strictSection,
    ),
    /** Resources; they do not change the dataset. */
    dataset: Type.Object(
      {
        /** Memory limit of DuckDB. The process also needs 12 bytes per interaction, and the ids. */
        memoryLimit: Type.String({ pattern: '^\\d+(\\.\\d+)? ?[KMGT]i?B$', default: '2GB' }),
        /** Threads of DuckDB. */
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
    /** Resources; they do not change the model. */
    trainer: Type.Object(
      {
        /** Refuse a training run that needs more than the available memory by estimate. */
        memoryCheck: Type.Boolean({ default: true }),
      },
      strictSection,
    ),
    index: Type.Object(
      {
        /** `auto` chooses by catalog size and measurements. */
        kind: Type.Union([Type.Literal('auto'), Type.Literal('flat'), Type.Literal('hnsw'), Type.Literal('ivf')], {
          default: 'auto',
        }),
        /** Maximum catalog size for which `auto` chooses a flat index without measurements. */
        flatItemsMax: Type.Integer({ minimum: 0, default: 50_000 }),
        /** Index recall@200 that an approximate index must reach against exact search. */
        recallMin: Type.Number({ minimum: 0, maximum: 1, default: 0.98 }),
      },
      strictSection,
    ),
    /** Popular items, the response to requests without behaviors. */
    popularity: Type.Object(
      {
        /** Windows in days before the end of the data; the first is the default. */
        windowDays: Type.Array(Type.Integer({ minimum: 1, maximum: 3_650 }), {
          minItems: 1,
          maxItems: 10,
          default: [7, 30, 90],
        }),
        /** User attributes with separate lists per value. */
        segments: Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto' }),
        /** Minimum number of users of a list. */
        minUsers: Type.Integer({ minimum: 1, default: 50 }),
      },
      strictSection,
    ),
    artifacts: Type.Object(
      {
        /** Bundles to keep with their models and datasets, in addition to current and previous. */
        keep: Type.Integer({ minimum: 3, default: 5 }),
        /** Days to keep runs, gate reports, outputs of stages, checkpoints and rows of benchmarks. */
        keepDays: Type.Number({ minimum: 7, default: 90 }),
      },
      strictSection,
    ),
    refresh: Type.Object(
      {
        /** Five or six cron fields, in `timeZone`. */
        cron: Type.String({ default: '30 2 * * *' }),
        /** Zone of `cron` and of data days. */
        timeZone: Type.String({ default: 'UTC' }),
        /** Hours after the due time until `facet_refresh_overdue_seconds` counts. */
        promoteWithinHours: Type.Number({ exclusiveMinimum: 0, default: 6 }),
        /** After missed days: refresh the newest day only, or all days in order. */
        catchUp: Type.Union([Type.Literal('newest'), Type.Literal('all')], { default: 'newest' }),
        catchUpDaysMax: Type.Integer({ minimum: 1, maximum: 366, default: 7 }),
        /** Days between trainings from scratch; 0: always. */
        fullRetrainDays: Type.Integer({ minimum: 0, default: 7 }),
        /** Attempts per stage for retryable failures. */
        attempts: Type.Integer({ minimum: 1, maximum: 20, default: 3 }),
        /** Hours after which workers end an attempt at a stage. */
        stageHoursMax: Type.Number({ exclusiveMinimum: 0, maximum: 500, default: 24 }),
        /** Minutes without progress after which workers end an attempt at a stage. */
        silentMinutesMax: Type.Number({ exclusiveMinimum: 0, maximum: 30_000, default: 180 }),
      },
      strictSection,
    ),
    profiles: Type.Object(
      {
        /** Maximum number of positive events per user. */
        eventsMax: Type.Integer({ minimum: 1, maximum: 10_000, default: 500 }),
        /** Days until the profile of an inactive user or session expires. */
        ttlDays: Type.Number({ exclusiveMinimum: 0, maximum: 3_650, default: 180 }),
      },
      strictSection,
    ),
    evaluation: Type.Object(
      {
        cutoffs: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, default: [10, 50, 100] }),
        /** Seed for the order of items with equal scores. */
        tieSeed: Type.Integer({ default: 1 }),
      },
      strictSection,
    ),
    /** Automatic rollback of a newly promoted bundle. */
    guardrails: GuardrailSettings,
    /** Defaults of API requests. */
    serving: ServingSettings,
    /** The log of responses. */
    exposures: ExposureLogSettings,
    /** Bounds of the data health of a day. */
    dataHealth: Type.Object(
      {
        ...HealthBoundsSchema.properties,
        /** Whether a bad day stops a refresh. */
        blockRefresh: Type.Boolean({ default: true }),
      },
      strictSection,
    ),
    gate: GateSettings,
    /** Different settings for some users. */
    experiments: ExperimentsSettings,
  },
  { additionalProperties: false },
);
export type FacetConfig = Static<typeof FacetConfig>;
