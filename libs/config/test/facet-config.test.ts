import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guardrailBounds } from '@facet/bundles/guardrails';
import { healthBounds } from '@facet/lake/health-report';
import { facetModel, facetTraining, mindModel, mindTraining, modelVariants } from '@facet/model';
import { parseWith } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { gateThresholds } from '../src/gate-settings.ts';
import { FacetConfig, gateBounds, readFacetConfig, resolveModel } from '../src/index.ts';
import { removedSettings } from '../src/removed-settings.ts';
import { temporaryFolder } from '@facet/testing';

const parse = (value: unknown): FacetConfig => parseWith(FacetConfig, value, { source: 'facet.yaml' });

async function read(yaml: string): Promise<FacetConfig> {
  const path = join(await temporaryFolder(), 'facet.yaml');
  await writeFile(path, yaml);
  return readFacetConfig(path);
}

describe('facet.yaml', () => {
  it('is optional: every field has a default', async () => {
    const config = await readFacetConfig(join(await temporaryFolder(), 'facet.yaml'));
    expect(config).toEqual({
      eventTypes: [],
      interactions: {
        positives: 'click or add_to_cart or purchase or rating >= 4',
        repeats: 'keep',
        bots: { eventsPerDayMax: 5_000, noSleepHours: 20 },
        rareItems: { minUsers: 1 },
      },
      split: { testShare: 0.2, validationShare: 0.2 },
      features: { items: 'auto', users: 'auto', titleWords: true, minHolders: 3 },
      dataset: { memoryLimit: '2GB', threads: 2 },
      model: { variant: 'facet' },
      training: {},
      trainer: { memoryCheck: true },
      index: { kind: 'auto', recallMin: 0.98 },
      popularity: { windowDays: [7, 30, 90], segments: 'auto' },
      serving: { merge: { by: 'max' }, excludeSeen: true, filters: {} },
      artifacts: { keep: 5, keepDays: 90 },
      refresh: {
        cron: '30 2 * * *',
        timeZone: 'UTC',
        promoteWithinHours: 6,
        catchUp: 'newest',
        fullRetrainDays: 7,
        stageHoursMax: 24,
      },
      profiles: { eventsMax: 500, ttlDays: 180 },
      experiments: [],
      exposures: { enabled: true, recordStateless: false, sampledShare: 0.001, retentionDays: 30 },
      evaluation: { cutoffs: [10, 50, 100] },
      dataHealth: { strictness: 'normal', ignore: [], eventsMin: 100, blockRefresh: true },
      gate: { strictness: 'normal', ignore: [], usersMin: 20 },
      guardrails: { enabled: true, strictness: 'normal', ignore: [], windowMinutes: 15, requestsMin: 500 },
    });
    expect(resolveModel(config)).toEqual({ model: facetModel, training: facetTraining });
  });

  it('keeps the defaults of unnamed fields, and dates as text', async () => {
    const config = await read(
      'interactions:\n  repeats: first\nsplit:\n  testFrom: 2011-10-01\n  validationFrom: 2011-08-01T12:30:00Z\n',
    );
    expect(config.interactions).toMatchObject({ repeats: 'first', rareItems: { minUsers: 1 } });
    expect(config.split).toMatchObject({ testFrom: '2011-10-01', validationFrom: '2011-08-01T12:30:00Z' });
  });

  it.each([
    [{ spilt: {} }, 'spilt: is not a known field'],
    [{ interactions: { positive: 'click' } }, 'interactions.positive: is not a known field'],
    [{ split: { testShares: 0.1 } }, 'split.testShares: is not a known field'],
    [{ features: { item: [] } }, 'features.item: is not a known field'],
    [{ index: { type: 'flat' } }, 'index.type: is not a known field'],
    [{ profiles: { ttl: 5 } }, 'profiles.ttl: is not a known field'],
    [{ evaluation: { cutoff: 5 } }, 'evaluation.cutoff: is not a known field'],
    [{ gate: { loss: 0.2 } }, 'gate.loss: is not a known field'],
    [{ gate: { strictness: 'lax' } }, 'gate.strictness: must be "relaxed" or "normal" or "strict"'],
    [{ gate: { ignore: ['recall'] } }, 'gate.ignore.0: must be "data-age" or'],
    [{ interactions: { repeats: 'last' } }, 'interactions.repeats: must be "keep" or "first"'],
    [{ split: { testShare: 0 } }, 'split.testShare: must be > 0'],
    [{ split: { testFrom: 'October' } }, 'split.testFrom: must match pattern'],
    [{ evaluation: { cutoffs: [] } }, 'evaluation.cutoffs: must not have fewer than 1 items'],
    [{ features: { minHolders: '3' } }, 'features.minHolders: must be integer'],
    [{ model: 'mind' }, 'model: must be object'],
    [{ model: { extractor: 3 } }, 'model.extractor: must be object'],
    [{ experiments: [{ name: '../x', arms: { a: {}, b: {} } }] }, 'experiments.0.name: must match pattern'],
    [
      { experiments: [{ name: 'x', arms: { a: {}, b: { bundle: '../../keys.yaml' } } }] },
      'experiments.0.arms.b.bundle: must match pattern',
    ],
  ])('rejects %j with the problem and its place', (value, problem) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => parse(value)).toThrow(problem);
  });

  it('rejects settings of the API and of arms that make every request fail', async () => {
    await expect(read('serving: { merge: { by: quota } }\n')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('serving.merge.floors: is missing') as string,
    });
    const arms = '{ control: {}, other: { filters: [affordable] } }';
    await expect(read(`experiments: [{ name: filtered, arms: ${arms} }]\n`)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('experiments.0.arms.other.filters.0: "affordable" is not declared') as string,
    });
  });

  it('names a misspelled setting of an attribute column', () => {
    const mapping = { items: { attributes: { price: { type: 'number', decimel: ',' } } } };
    expect(() => parse({ mapping })).toThrow(
      /: mapping\.items\.attributes\.price\.decimel: is not a known field \(did you mean decimal\?\)\.?$/,
    );
  });

  it('reports all wrong fields together', () => {
    expect(() => parse({ spilt: {}, index: { kind: 'tree', recallMin: 2 } })).toThrow(
      /^facet\.yaml is not valid: (?=.*spilt: )(?=.*index\.kind: )(?=.*index\.recallMin: )/,
    );
  });
});

describe('thresholds', () => {
  it('are those of the documented defaults for normal', () => {
    expect(gateBounds('normal')).toEqual({
      confidence: 0.99,
      lossMax: 0.1,
      baselineLossMax: 0.1,
      personalLiftMin: 1.2,
      incumbentLossMax: 0.5,
      coverageLossMax: 0.5,
      indexRecallMin: 0.95,
      interestCosineMax: 0.99,
      effectiveInterestsMin: 1.2,
      effectiveInterestsLossMax: 0.5,
      latencyMsMax: 50,
      latencyRatioMax: 2,
      sizeRatioMax: 2,
      newItemsMax: 0.5,
      lostItemsMax: 0.2,
      overlapMin: 0.1,
    });
    const at = (bounds: Readonly<Record<string, { readonly normal: object }>>): unknown =>
      Object.fromEntries(Object.entries(bounds).map(([name, { normal }]) => [name, Object.values(normal)]));
    expect(at(healthBounds)).toEqual({
      'volume-low': [0.5, 0.1],
      'volume-high': [3, 10],
      refused: [0.01, 0.2],
      duplicates: [0.02, 0.2],
      late: [0.05, 0.5],
      'unknown-items': [0.05, 0.5],
      'unmatched-outcomes': [0.1, 0.5],
      'suspicious-users': [0.05, 0.3],
    });
    expect(at(guardrailBounds)).toEqual({
      fallbackShare: [0.5, 0.2],
      emptyShare: [0.02, 0.02],
      errorShare: [0.02, 0.02],
      p99Ms: [1_000, 500],
      changedShare: [0.9, 0],
      interestCosine: [0.99, 0.01],
    });
  });

  it('rise or fall from relaxed over normal to strict', () => {
    for (const [name, { relaxed, normal, strict }] of Object.entries(gateThresholds)) {
      const isMinimum = name.endsWith('Min');
      expect(isMinimum ? relaxed < normal : relaxed > normal, name).toBe(true);
      expect(isMinimum ? normal < strict : normal > strict, name).toBe(true);
    }
  });
});

describe('removed settings', () => {
  it.each(Object.entries(removedSettings))('%s is an error that says what to do instead', async (name, remedy) => {
    const [section, setting] = name.split('.');
    await expect(read(`${section}: { ${setting}: 1 }\n`)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        `line 1, ${name}: is no longer a setting. ${remedy.replace(/\.$/, '')}`,
      ) as string,
    });
  });

  it('have remedies that name settings', () => {
    for (const remedy of Object.values(removedSettings)) {
      for (const [, section, setting] of remedy.matchAll(/\b(\w+)\.(strictness|ignore)\b/g)) {
        expect(parse({})).toHaveProperty([section!, setting!]);
      }
    }
  });
});

describe('resolveModel', () => {
  it('applies the overrides to the variant', () => {
    const { model, training } = resolveModel(
      parse({ model: { variant: 'mind', interests: 7 }, training: { epochs: 2 } }),
    );
    expect(model).toEqual({ ...mindModel, interests: 7 });
    expect(training).toEqual({ ...mindTraining, epochs: 2 });
  });

  it('overrides single fields of the routing', () => {
    const { model } = resolveModel(parse({ model: { extractor: { iterations: 1 } } }));
    expect(model.extractor).toEqual({ ...facetModel.extractor, iterations: 1 });
  });

  it('uses the defaults of the kind when the extractor changes its kind', () => {
    const { model } = resolveModel(
      parse({ model: { variant: 'youtube-dnn', extractor: { kind: 'routing', sigma: 2 } } }),
    );
    expect(model.extractor).toEqual({ ...mindModel.extractor, sigma: 2 });
  });

  it.each([
    [{ extractor: { kind: 'mean' } }, /makes one interest per user, not 4/],
    [{ layers: 'none' }, /need H-layers, but model.layers is none/],
  ])('rejects %j, which contradicts other settings', (model, message) => {
    expect(() => resolveModel(parse({ model }))).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
    expect(() => resolveModel(parse({ model }))).toThrow(message);
  });

  it('does not compare a named K with one interest', () => {
    expect(resolveModel(parse({})).model.interestGainMin).toBe(0.005);
    expect(resolveModel(parse({ model: { interests: 8 } })).model).toMatchObject({ interests: 8, interestGainMin: 0 });
    const both = { interests: 8, interestGainMin: 0.2 };
    expect(resolveModel(parse({ model: both })).model).toMatchObject(both);
    expect(resolveModel(parse({ model: { variant: 'mind', interests: 8 } })).model).not.toHaveProperty(
      'interestGainMin',
    );
  });

  it('rejects an unknown variant with the known ones', () => {
    expect(() => resolveModel(parse({ model: { variant: 'mnd' } }))).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNKNOWN_VARIANT',
        remedy: `Did you mean mind? Set model.variant to one of: ${Object.keys(modelVariants).join(', ')}.`,
      }),
    );
  });

  it.each([
    [
      { model: { intrests: 4 } },
      'facet.yaml is not valid: model.intrests: is not a known field (did you mean interests?).',
    ],
    [
      { model: { extractor: { iteration: 4 } } },
      'facet.yaml is not valid: model.extractor.iteration: is not a known field (did you mean iterations?).',
    ],
    [{ model: { extractor: { kind: 'men' } } }, 'facet.yaml is not valid: model.extractor.kind: must be'],
    [{ model: { routing: { iterations: 1 } } }, 'facet.yaml is not valid: model.routing: is not a known field.'],
    [{ model: { interests: 0 } }, 'facet.yaml is not valid: model.interests: must be >= 1.'],
    [
      { training: { epohcs: 4 } },
      'facet.yaml is not valid: training.epohcs: is not a known field (did you mean epochs?).',
    ],
    [{ training: { learningRate: 'fast' } }, 'facet.yaml is not valid: training.learningRate: must be number.'],
  ])('rejects %j and names the setting', (value, message) => {
    expect(() => resolveModel(parse(value))).toThrow(message);
  });
});
