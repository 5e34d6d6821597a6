import { cutEnd } from '@facet/features';
import type { ModelConfig } from '@facet/model';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../evaluation/tasks.ts';

/** With a popularity prior, training leaves out labels whose item has no interaction on an earlier day. It needs this share of the others. */
const knownShareMin = 1 / 2;

/** Why a model has no popularity prior although its settings have one. */
export const noPriorNote =
  'The model trains without the popularity prior, because most interactions before the validation are with items that have no interaction on an earlier day. Events of more days would train the prior.';

/** Returns whether enough interactions before the cut are with items that have an interaction on an earlier day. */
export function canTrainPrior(
  { sequences }: Pick<ModelData, 'sequences'>,
  { cut, catalog }: Pick<HeldOut, 'cut' | 'catalog'>,
): boolean {
  const { dayOf, isKnown } = catalog.timeline();
  const { offsets, items, times, userIds } = sequences;
  let [known, all] = [0, 0];
  for (let user = 0; user < userIds.length; user++) {
    const end = cutEnd(sequences, user, cut);
    for (let position = offsets[user]!; position < end; position++) {
      if (isKnown(items[position]!, dayOf(times[position]!))) known++;
      all++;
    }
  }
  return known >= knownShareMin * all;
}

/** Returns the settings, without the popularity prior if the data before the cut cannot train it. */
export function withTrainablePrior(
  model: ModelConfig,
  data: Pick<ModelData, 'sequences'>,
  heldOut: Pick<HeldOut, 'cut' | 'catalog'>,
): ModelConfig {
  return model.popularityPrior && !canTrainPrior(data, heldOut) ? { ...model, popularityPrior: false } : model;
}
