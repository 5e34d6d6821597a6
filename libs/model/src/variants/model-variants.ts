import { AppError } from '@facet/platform/errors';
import type { ExtractorConfig, ExtractorKind, ModelVariant } from '../config.ts';
import { comirecDr } from './comirec-dr.ts';
import { comirecSa } from './comirec-sa.ts';
import { mind1 } from './mind-1.ts';
import { mindAllGradients } from './mind-all-gradients.ts';
import { mindFixedK } from './mind-fixed-k.ts';
import { mindHard } from './mind-hard.ts';
import { mindMapPerInterest } from './mind-map-per-interest.ts';
import { mindP0 } from './mind-p0.ts';
import { mindRelu } from './mind-relu.ts';
import { facetModel, facetTraining } from './facet.ts';
import { maxMf } from './maxmf.ts';
import { mindModel, mindRouting, mindTraining } from './mind.ts';
import { sasrec } from './sasrec.ts';
import { youtubeDnn } from './youtube-dnn.ts';

/** The named variants of `facet.yaml` (`model.variant`). */
export const modelVariants: Readonly<Record<string, ModelVariant>> = {
  facet: { model: facetModel, training: facetTraining },
  mind: { model: mindModel, training: mindTraining },
  'mind-1': mind1,
  'mind-p0': mindP0,
  'mind-hard': mindHard,
  'mind-fixed-k': mindFixedK,
  'mind-all-gradients': mindAllGradients,
  'mind-map-per-interest': mindMapPerInterest,
  'mind-relu': mindRelu,
  'comirec-dr': comirecDr,
  'comirec-sa': comirecSa,
  sasrec,
  'youtube-dnn': youtubeDnn,
  maxmf: maxMf,
};

/** @throws AppError `MODEL_UNKNOWN_VARIANT` listing the known ones. */
export function modelVariant(name: string): ModelVariant {
  const variant = Object.hasOwn(modelVariants, name) ? modelVariants[name] : undefined;
  if (variant === undefined) {
    throw new AppError(`There is no model variant "${name}".`, {
      code: 'MODEL_UNKNOWN_VARIANT',
      category: 'usage',
      remedy: `Choose one of: ${Object.keys(modelVariants).join(', ')}.`,
    });
  }
  return variant;
}

/** The settings of an extractor where `facet.yaml` names another kind than the variant has. */
export function defaultExtractor(kind: ExtractorKind): ExtractorConfig {
  return defaultExtractors[kind];
}

const defaultExtractors: { readonly [Kind in ExtractorKind]: ExtractorConfig<Kind> } = {
  routing: mindRouting,
  mean: { kind: 'mean' },
  'self-attention': { kind: 'self-attention', units: 256 },
  transformer: { kind: 'transformer', blocks: 2 },
  'user-vectors': { kind: 'user-vectors' },
};
