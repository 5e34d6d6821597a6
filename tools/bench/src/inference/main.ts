import { logProgress, option } from '@facet/local-services';
import { modelVariants } from '@facet/model';
import { startBench } from '../bench.ts';
import { runInChild } from '../children.ts';
import { measureVariant } from './measure-variant.ts';

const { values, report } = startBench({
  options: {
    variant: option.texts('NAME', 'Measure this variant (default: all variants)'),
  },
  notes: `A user has 50 behaviors; the model has 64 dimensions and, where a variant has several, 4 interests.

warm   Catalog of 12,000 items, most of which the inference engine has cached
cold   Catalog of 400,000 items, few of which it has cached

Exit code: 0 when the measurement is complete.`,
});

const variants = [];
// One process per variant: as in serving, V8 optimizes the code for a single engine.
for (const variant of values.variant ?? Object.keys(modelVariants)) {
  logProgress(variant);
  variants.push(await runInChild(new URL('measure-variant.js', import.meta.url), measureVariant, variant));
}
report({ variants });
