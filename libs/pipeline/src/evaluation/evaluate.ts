import { setImmediate } from 'node:timers/promises';
import { bootstrapInterval, pairedBootstrap } from '@facet/evaluation';
import type { BootstrapInterval, CutoffMetrics, PairedDifference, RankingEvaluation } from '@facet/evaluation';
import type { Dataset } from '../dataset/dataset.ts';
import type { Model } from '../model/model-artifact.ts';
import { fitBaselines } from './baselines.ts';
import type { ItemCfChoice } from './baselines.ts';
import { reportInterests } from './interest-report.ts';
import type { InterestReport } from './interest-report.ts';
import { createModelScorer } from './model-scorer.ts';
import type { TensorFlowScoring } from './model-scorer.ts';
import { evaluateTasks, forTasks, heldOutWindow } from './tasks.ts';
import type { Task, TaskEvaluations } from './tasks.ts';

/** The metrics of one method on one task. */
export interface MethodMetrics {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
  /** Recall at the main cutoff with its 95 % bootstrap interval over users. */
  readonly recall: BootstrapInterval;
}

export interface EvaluatedMethod {
  readonly name: string;
  /** Items that are new to the user; the history is masked. */
  readonly new: MethodMetrics;
  /** All items, repeats included. */
  readonly all: MethodMetrics;
}

export interface EvaluationReport {
  readonly modelId: string;
  readonly datasetId: string;
  /** Epoch milliseconds of the test window, half-open. */
  readonly window: { readonly from: number; readonly before: number };
  /** The cutoff of `recall` and `margin`. */
  readonly mainCutoff: number;
  readonly rules: string;
  /** The interest model first, then the baselines. */
  readonly methods: readonly EvaluatedMethod[];
  /** The best settings of item-based CF on the validation window, for each task. */
  readonly itemCf: ItemCfChoice;
  /** Recall of the model minus recall of the best baseline on the same users. */
  readonly margin: Readonly<Record<Task, PairedDifference & { readonly baseline: string }>>;
  readonly interests: InterestReport;
}

export interface EvaluateOptions {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly cutoffs: readonly number[];
  readonly tieSeed: number;
  readonly onMethod?: (name: string, done: number, total: number) => void;
}

const bootstrapSeed = 1;
const preferredCutoff = 50;
const rules =
  'Rankings cover every item known before the window, for users with at least one interaction before it. Items that are ' +
  'first seen in the window count as misses. Equal scores are ordered by a seeded hash of the item.';

/** Evaluates the model and the baselines on the test window with the same users, candidates, truth and tie rule. */
export async function evaluateModel(options: EvaluateOptions): Promise<EvaluationReport> {
  const { dataset, model } = options;
  const { testFrom } = dataset.split;
  const window = heldOutWindow(dataset, testFrom, Number.POSITIVE_INFINITY);
  const { baselines, itemCfChoice } = await fitBaselines(dataset, testFrom);
  const modelScorer = createModelScorer(dataset, model.info.spec, model.weights, {
    ...window,
    tensorFlow: await loadTensorFlowScoring(),
  });
  const methods = [{ name: 'interest model', rankers: forTasks(modelScorer.ranker) }, ...baselines];
  const evaluations: (TaskEvaluations & { name: string })[] = [];
  let interests: InterestReport;
  try {
    for (const { name, rankers } of methods) {
      options.onMethod?.(name, evaluations.length, methods.length);
      await setImmediate();
      const evaluated = evaluateTasks(rankers, window.users, {
        cutoffs: options.cutoffs,
        catalogSize: dataset.items.length - 1,
        tieSeed: options.tieSeed,
      });
      evaluations.push({ name, ...evaluated });
    }
    interests = reportInterests(modelScorer, window.users, model.info.spec.config.interests);
  } finally {
    modelScorer.dispose();
  }
  const mainCutoff = options.cutoffs.includes(preferredCutoff) ? preferredCutoff : options.cutoffs.at(-1)!;
  const main = options.cutoffs.indexOf(mainCutoff);
  return {
    modelId: model.id,
    datasetId: dataset.id,
    window: { from: testFrom, before: dataset.info.window.occurredBefore },
    mainCutoff,
    rules,
    methods: evaluations.map(({ name, new: newItems, all }) => ({
      name,
      new: summarize(newItems, main),
      all: summarize(all, main),
    })),
    itemCf: itemCfChoice,
    margin: { new: marginOf(evaluations, 'new', main), all: marginOf(evaluations, 'all', main) },
    interests,
  };
}

function summarize(evaluation: RankingEvaluation, main: number): MethodMetrics {
  return {
    users: evaluation.users,
    cutoffs: evaluation.metrics,
    recall: bootstrapInterval(evaluation.perUser[main]!.recall, { seed: bootstrapSeed }),
  };
}

function marginOf(
  evaluations: readonly (TaskEvaluations & { name: string })[],
  task: Task,
  main: number,
): PairedDifference & { baseline: string } {
  const [model, ...baselines] = evaluations;
  const recallOf = (evaluated: TaskEvaluations): number => evaluated[task].metrics[main]!.recall;
  const best = baselines.reduce((strongest, candidate) =>
    recallOf(candidate) > recallOf(strongest) ? candidate : strongest,
  );
  const difference = pairedBootstrap(model![task].perUser[main]!.recall, best[task].perUser[main]!.recall, {
    seed: bootstrapSeed,
  });
  return { ...difference, baseline: best.name };
}

/** Evaluates a model on the test window of its dataset, with metrics per user for the comparison of models. */
export function rankTestWindow(options: {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly cutoffs: readonly number[];
  readonly tieSeed: number;
}): TaskEvaluations {
  const { dataset, model } = options;
  const { testFrom } = dataset.split;
  const window = heldOutWindow(dataset, testFrom, Number.POSITIVE_INFINITY);
  const scorer = createModelScorer(dataset, model.info.spec, model.weights, window);
  return evaluateTasks(forTasks(scorer.score), window.users, { ...options, catalogSize: dataset.items.length - 1 });
}

/** Returns undefined if TensorFlow is not installed. The evaluation then takes longer and differs by rounding only. */
async function loadTensorFlowScoring(): Promise<TensorFlowScoring | undefined> {
  try {
    return await import('@facet/model/training');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
