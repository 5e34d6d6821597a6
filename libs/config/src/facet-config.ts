import { GuardrailSettings } from '@facet/bundles/guardrails';
import { ColumnMappingSchema } from '@facet/import/mapping';
import { DataHealthSettings } from '@facet/lake/health-report';
import { eventTypePattern } from '@facet/schemas';
import { ExposureLogSettings } from '@facet/exposures';
import { ExperimentsSettings } from '@facet/exposures';
import { recordOf } from '@facet/platform';
import { ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { GateSettings } from './gate-settings.ts';

type Bounds = Pick<Type.TNumberOptions, 'minimum' | 'maximum' | 'exclusiveMinimum'>;

const integer = (description: string, value: number, bounds: Bounds = { minimum: 1 }) =>
  Type.Integer({ ...bounds, default: value, description });

const number = (description: string, value: number, bounds: Bounds = { exclusiveMinimum: 0 }) =>
  Type.Number({ ...bounds, default: value, description });

const flag = (description: string, value: boolean) => Type.Boolean({ default: value, description });

/** One of some words; the first is the default. */
const oneOf = <Word extends string>(description: string, ...words: Word[]) =>
  Type.Enum(words, { default: words[0], description });

/** A day or moment in UTC: `2011-10-01` or RFC 3339. */
const Moment = (description: string) =>
  Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$', description }));

const Days = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650, description }));

const Names = (description: string) =>
  Type.Union([Type.Literal('auto'), Type.Array(Type.String())], { default: 'auto', description });

/** Options of a section: it is optional, and unknown fields are errors. */
const section = (description: string) => ({ default: {}, additionalProperties: false, description });

const typeNameText = 'A type has lower-case letters, digits and _, and begins with a letter.';

/** `facet.yaml`. Every field has a default; docs/configuration.md is the reference. */
export const FacetConfig = Type.Object(
  {
    mapping: Type.Optional(ColumnMappingSchema),
    eventTypes: Type.Array(Type.String({ pattern: eventTypePattern, description: typeNameText }), {
      default: [],
      description: 'Event types in addition to the standard types.',
    }),
    interactions: Type.Object(
      {
        positives: Type.String({
          default: 'click or add_to_cart or purchase or rating >= 4',
          description: 'Rule for positive events.',
        }),
        repeats: oneOf(
          '`keep`: repeated interactions with an item count. `first`: only the first counts.',
          'keep',
          'first',
        ),
        bots: Type.Object(
          {
            eventsPerDayMax: integer('Maximum number of events of a user on a day.', 5_000),
            noSleepHours: integer(
              'Exclude users who are active in this many hours of a day; 25 excludes no user.',
              20,
              { minimum: 1, maximum: 25 },
            ),
          },
          section('Excluded users, by their events of any type on a UTC day.'),
        ),
        rareItems: Type.Object(
          {
            minUsers: integer('Excludes interactions with items of fewer users.', 1),
          },
          section('Interactions with items of few users.'),
        ),
      },
      section('Selection of interactions from events.'),
    ),
    split: Type.Object(
      {
        testShare: number('Share of the newest interactions, held out for the evaluation.', 0.2, {
          exclusiveMinimum: 0,
          maximum: 0.5,
        }),
        validationShare: number('Share before the test window, for early stopping.', 0.2, {
          exclusiveMinimum: 0,
          maximum: 0.5,
        }),
        validationFrom: Moment('First UTC day of the validation window, instead of shares. Needs testFrom.'),
        testFrom: Moment('First UTC day of the test window, instead of shares. Needs validationFrom.'),
        validationDays: Days('Length of the validation window, instead of shares. Needs testDays.'),
        testDays: Days('Length of the test window, in days back from the end of the data. Needs validationDays.'),
      },
      section('Split by time: training, then validation, then test.'),
    ),
    features: Type.Object(
      {
        items: Names('Attributes of items. `auto`: those that enough items have.'),
        users: Names('Attributes of users. `auto`: those that enough users have.'),
        titleWords: flag('Use the words of titles as a feature.', true),
        minHolders: integer('Minimum number of items or users with a value.', 3),
      },
      section('Attributes that the model reads.'),
    ),
    dataset: Type.Object(
      {
        memoryLimit: Type.String({
          pattern: '^\\d+(\\.\\d+)? ?[KMGT]i?B$',
          default: '2GB',
          description: 'Memory limit of DuckDB. The process also needs 16 bytes per interaction, and the ids.',
        }),
        threads: integer('Threads of DuckDB.', 2, { minimum: 1, maximum: 1_024 }),
        spark: Type.Optional(
          Type.Object(
            {
              master: Type.String({
                pattern: '^(spark|k8s)://.+|^yarn$|^local',
                description: 'URL of the master, such as `spark://host:7077`, or `yarn`.',
              }),
              home: Type.Optional(
                Type.String({
                  pattern: '^/',
                  description: 'Absolute path of Spark on this machine. Default: `spark-sql` of the search path.',
                }),
              ),
              settings: recordOf(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
                default: {},
                propertyNames: { pattern: '^spark\\.' },
                description: 'Settings of Spark by name, such as `spark.executor.memory: 8g`.',
              }),
            },
            {
              additionalProperties: false,
              description: 'Spark cluster that selects events and interactions. Default: DuckDB selects them.',
            },
          ),
        ),
      },
      section('Resources; they do not change the dataset.'),
    ),
    model: Type.Object(
      {
        variant: Type.String({
          default: 'facet',
          description: '`facet` (the default recipe), `mind` (the paper) or a variant for comparisons.',
        }),
        extractor: Type.Optional(
          Type.Object(
            {},
            {
              additionalProperties: true,
              description: 'Single settings of the extractor. Another `kind` has its own defaults.',
            },
          ),
        ),
      },
      { default: {}, additionalProperties: true, description: "Overrides of the variant's hyperparameters." },
    ),
    training: Type.Object(
      { warm: Type.Optional(Type.Object({}, { additionalProperties: true })) },
      { default: {}, additionalProperties: true, description: "Overrides of the variant's training settings." },
    ),
    trainer: Type.Object(
      {
        memoryCheck: flag('Refuse a training whose estimated memory exceeds the available memory.', true),
      },
      section('Resources; they do not change the model.'),
    ),
    index: Type.Object(
      {
        kind: oneOf(
          '`auto` chooses by measurements; an exact scan for up to 50,000 items.',
          'auto',
          'flat',
          'hnsw',
          'ivf',
        ),
        recallMin: number('Minimum recall@200 of an approximate index, compared with exact search.', 0.98, {
          minimum: 0,
          maximum: 1,
        }),
      },
      section('The vector index of a bundle.'),
    ),
    popularity: Type.Object(
      {
        windowDays: Type.Array(Type.Integer({ minimum: 1, maximum: 3_650 }), {
          minItems: 1,
          maxItems: 10,
          default: [7, 30, 90],
          description: 'Windows in days before the end of the data; the first is the default.',
        }),
        segments: Names('User attributes with separate lists per value. `auto`: those with few values.'),
      },
      section('Popular items, the response to requests without behaviors.'),
    ),
    artifacts: Type.Object(
      {
        keep: integer('Bundles to keep with their models and datasets, in addition to current and previous.', 5, {
          minimum: 3,
        }),
        keepDays: number(
          'Days to keep runs, gate and health reports, outputs of stages, checkpoints and benchmarks.',
          90,
          { minimum: 7 },
        ),
      },
      section('Retention of artifacts.'),
    ),
    refresh: Type.Object(
      {
        cron: Type.String({ default: '30 2 * * *', description: 'Five or six cron fields, in `timeZone`.' }),
        timeZone: Type.String({ default: 'UTC', description: 'Zone of `cron` and of data days.' }),
        promoteWithinHours: number('Hours after the due time until a refresh is overdue.', 6),
        catchUp: oneOf('After missed days: refresh the newest day only, or up to 7 days in order.', 'newest', 'all'),
        fullRetrainDays: integer('Days between trainings from scratch; 0: always.', 7, { minimum: 0 }),
        stageHoursMax: number(
          'Hours after which workers end an attempt at a stage, or an eighth of them without progress.',
          24,
          { exclusiveMinimum: 0, maximum: 500 },
        ),
      },
      section('The daily refresh.'),
    ),
    profiles: Type.Object(
      {
        eventsMax: integer('Maximum number of positive events per user.', 500, { minimum: 1, maximum: 10_000 }),
        ttlDays: number('Days until the profile of an inactive user or session expires.', 180, {
          exclusiveMinimum: 0,
          maximum: 3_650,
        }),
      },
      section('User profiles in Redis.'),
    ),
    evaluation: Type.Object(
      {
        cutoffs: Type.Array(Type.Integer({ minimum: 1 }), {
          minItems: 1,
          default: [10, 50, 100],
          description: 'Values of N of the metrics. 50 is the main cutoff if present, else the last.',
        }),
      },
      section('The evaluation report.'),
    ),
    guardrails: GuardrailSettings,
    serving: ServingSettings,
    exposures: ExposureLogSettings,
    dataHealth: DataHealthSettings,
    gate: GateSettings,
    experiments: ExperimentsSettings,
  },
  { additionalProperties: false },
);
export type FacetConfig = Static<typeof FacetConfig>;
