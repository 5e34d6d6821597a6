import { AppError } from '@facet/platform/errors';
import type { ExtractorKind, ModelConfig } from './config.ts';

/** Extractors that make one vector of a user. */
const singleVector: ReadonlySet<ExtractorKind> = new Set(['mean', 'transformer']);

/** @throws AppError `MODEL_UNSUPPORTED` for settings that contradict each other. */
export function checkModel(config: ModelConfig): void {
  const { extractor, layers } = config;
  if (singleVector.has(extractor.kind) && config.interests > 1) {
    throw unsupported(
      `The extractor ${extractor.kind} makes one interest of a user, not ${config.interests}.`,
      'Set model.interests to 1, or choose another extractor.',
    );
  }
  if (extractor.kind === 'user-vectors' && config.adaptiveInterests) {
    throw unsupported(
      'Vectors of users are as many for all: K does not adapt to the behaviors.',
      'Set model.adaptiveInterests to false.',
    );
  }
  if (layers !== 'hidden' && (config.context || config.residual)) {
    throw unsupported(
      `A context or residual path goes with H-layers, not with layers: ${layers}.`,
      'Set model.layers to hidden, or context and residual to false.',
    );
  }
}

function unsupported(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'MODEL_UNSUPPORTED', category: 'usage', remedy });
}
