import { evaluateRanking, ndcgAt, popularity, sum, truthSize } from '@facet/evaluation';
import type { RankedUser } from '@facet/evaluation';
import { createRandom } from '@facet/features';
import type { Bundle } from '@facet/bundles';
import { dayMs } from '@facet/platform';
import type { Dataset, InterestReport, HeldOutSequenceUser, Task, TaskEvaluations } from '@facet/stages';
import {
  candidatesOnly,
  interactionsBefore,
  reportInterests,
  createBundleScorer,
  forTasks,
  heldOutWindow,
  rankTasks,
  sampleUsers,
} from '@facet/stages';

/** The cutoff of all metrics of the gate. */
export const gateCutoff = 50;

/** The metrics of a bundle on a window. */
export interface MeasuredBundle {
  readonly evaluated: TaskEvaluations;
  readonly interests: InterestReport;
  /** NDCG of each user's ranking by the user's own interactions, and by those of other users. */
  readonly personalNdcg: Readonly<Record<Task, PersonalNdcg>>;
}

export interface PersonalNdcg {
  readonly own: Float64Array;
  readonly others: Float64Array;
}

/** Both bundles and the baseline on the same window, with the same users, candidates, truth and tie rule. */
export interface MeasuredWindow {
  readonly from: number;
  readonly before: number;
  readonly users: number;
  /** The coverage of the catalog by one list that all users get. */
  readonly oneListCoverage: number;
  readonly candidate: MeasuredBundle;
  readonly incumbent: MeasuredBundle | undefined;
  /** Popularity of the last 30 days. */
  readonly baseline: TaskEvaluations;
}

export interface MeasureOptions {
  readonly dataset: Dataset;
  readonly candidate: Bundle;
  readonly incumbent: Bundle | undefined;
  /** The start of the window, epoch milliseconds. The window ends with the data. */
  readonly from: number;
  readonly usersMax: number;
  readonly onMethod?: ((name: string) => Promise<void>) | undefined;
}

const sampleSeed = 1;
/** Pairings of users with other users' interactions. With ten, their random error is small next to that of the window. */
const pairingCount = 10;

export async function measureWindow(options: MeasureOptions): Promise<MeasuredWindow> {
  const { dataset, from } = options;
  const window = heldOutWindow(dataset, from, Number.POSITIVE_INFINITY);
  const users = sampleUsers(window.users, options.usersMax, sampleSeed);
  const catalogSize = dataset.items.length - 1;
  const evaluation = { cutoffs: [gateCutoff], catalogSize };
  const evaluate = (rankings: Readonly<Record<Task, readonly RankedUser[]>>): TaskEvaluations => ({
    new: evaluateRanking(rankings.new, evaluation),
    all: evaluateRanking(rankings.all, evaluation),
  });
  const measure = (bundle: Bundle): MeasuredBundle => {
    const scorer = createBundleScorer(bundle, dataset, window);
    const rankings = rankTasks(forTasks(scorer.score), users, evaluation);
    return {
      evaluated: evaluate(rankings),
      interests: reportInterests(scorer, users, bundle.info.spec.config.interests),
      personalNdcg: {
        new: measurePersonalNdcg(rankings.new, users, 'new'),
        all: measurePersonalNdcg(rankings.all, users, 'all'),
      },
    };
  };
  await options.onMethod?.('popularity');
  const recent = popularity(interactionsBefore(dataset, from), { catalogSize, since: from - 30 * dayMs });
  const baseline = evaluate(rankTasks(forTasks(candidatesOnly(recent, window)), users, evaluation));
  await options.onMethod?.('the candidate');
  const candidate = measure(options.candidate);
  await options.onMethod?.('the incumbent');
  const incumbent = options.incumbent === undefined ? undefined : measure(options.incumbent);
  return {
    from,
    before: dataset.info.window.occurredBefore,
    users: users.length,
    oneListCoverage: Math.min(gateCutoff, sum(window.candidates)) / catalogSize,
    candidate,
    incumbent,
    baseline,
  };
}

/**
 * Returns the NDCG of each ranking by its user's own interactions and, as the mean over seeded pairings, by those of other users.
 * Both are equal if the interactions are unrelated to the histories, because the data is mixed up or the model has learned nothing.
 */
function measurePersonalNdcg(
  rankings: readonly RankedUser[],
  users: readonly HeldOutSequenceUser[],
  task: Task,
): PersonalNdcg {
  const random = createRandom(sampleSeed);
  const partners = Array.from({ length: pairingCount }, () => {
    const order = Int32Array.from(users.keys());
    random.shuffle(order);
    return order;
  });
  const own: number[] = [];
  const others: number[] = [];
  rankings.forEach(({ ranking, truth }, position) => {
    if (truthSize(truth) === 0) return;
    const history = new Set(task === 'new' ? users[position]!.history : []);
    let total = 0;
    let count = 0;
    for (const order of partners) {
      const partner = order[position]!;
      const { items, absent } = users[partner]!.truth;
      const theirs = { items: items.filter((item) => !history.has(item)), absent };
      if (partner === position || truthSize(theirs) === 0) continue;
      total += ndcgAt(ranking, theirs, gateCutoff);
      count++;
    }
    if (count === 0) return;
    own.push(ndcgAt(ranking, truth, gateCutoff));
    others.push(total / count);
  });
  return { own: Float64Array.from(own), others: Float64Array.from(others) };
}
