import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPython, readCommandLine } from '@facet/local-services';
import { fitWals } from '@facet/model/training';
import { alignColumns, formatCount } from '@facet/platform';
import { median } from '../figures.ts';

const settings = { alpha: 10, factors: 64, regularization: 1, iterations: 6, threads: cpus().length, seed: 1 };
const rounds = 3;
/** Target for the time of Facet divided by that of implicit with conjugate gradients. */
const ratioMax = 2;

const shared = fileURLToPath(new URL('../../../../../shared/data/amazon-beauty/sequences.txt', import.meta.url));
const { positionals } = readCommandLine({
  usage: 'npm run bench -- als',
  arguments: '[FILE]',
  summary: 'Compare an iteration of WALS with the Python package implicit',
  notes: `FILE contains the item sequences of users (default: ../shared/data/amazon-beauty/sequences.txt). Facet and implicit factorize
the same interactions in turn. implicit runs with both of its solvers: conjugate gradients (its default) and exact, which Facet
uses as well. Their losses show that all three minimize the same function. The first run installs implicit into the cache.

Exit code: 0 when the measurement is complete, 1 without FILE.`,
});
const path = positionals[0] ?? shared;
if (!existsSync(path)) {
  console.error(`${path} does not exist. Pass a file of sequences: npm run bench -- als FILE`);
  process.exit(1);
}
const programs = await installPython(new URL('../../python/implicit.txt', import.meta.url));
const python = join(programs, 'python');

/** All items of each user except the last one, which leave-one-out holds out. */
const users: number[] = [];
const items: number[] = [];
const indexOf = new Map<string, number>();
for (const [user, line] of readFileSync(path, 'utf8').trim().split('\n').entries()) {
  for (const item of line.trim().split(/\s+/).slice(1, -1)) {
    if (!indexOf.has(item)) indexOf.set(item, indexOf.size + 1);
    users.push(user);
    items.push(indexOf.get(item)!);
  }
}
const pairs = { users: Int32Array.from(users), items: Int32Array.from(items) };
const pairsFile = join(dirname(programs), 'pairs.bin');
writeFileSync(pairsFile, Buffer.concat([pairs.users, pairs.items].map(({ buffer }) => new Uint8Array(buffer))));

function runFacet(): { seconds: number; withSetup: number; loss: number } {
  // As in the figures of implicit, the time per iteration excludes the setup.
  const ends: number[] = [];
  const startedAt = performance.now();
  const wals = fitWals(pairs, {
    ...settings,
    catalogSize: indexOf.size,
    onIteration: () => ends.push(performance.now()),
  });
  const withSetup = (performance.now() - startedAt) / 1000 / settings.iterations;
  const seconds = (ends.at(-1)! - ends[0]!) / 1000 / (ends.length - 1);
  return { seconds, withSetup, loss: lossOf(wals) };
}

/** Σ_ui c_ui (r_ui − x_uᵀ y_i)² + λ (|X|² + |Y|²), with the sum over all pairs computed from XᵀX and YᵀY. */
function lossOf({ itemFactors, foldIn }: ReturnType<typeof fitWals>): number {
  const { factors: F, alpha, regularization } = settings;
  const gram = (rows: Iterable<Float32Array>): Float64Array => {
    const sum = new Float64Array(F * F);
    for (const row of rows) {
      for (let f = 0; f < F; f++) for (let g = 0; g < F; g++) sum[f * F + g]! += row[f]! * row[g]!;
    }
    return sum;
  };
  const rowOf = (item: number): Float32Array => itemFactors.subarray(item * F, (item + 1) * F);
  const interactionsOfUsers: number[][] = [];
  pairs.users.forEach((user, position) => (interactionsOfUsers[user] ??= []).push(pairs.items[position]!));
  const folded = foldIn(interactionsOfUsers.map((interactions) => Int32Array.from(interactions)));
  const userFactors = interactionsOfUsers.map((interactions, user) => ({
    interactions,
    x: folded.subarray(user * F, (user + 1) * F),
  }));
  const [X, Y] = [
    gram(userFactors.map(({ x }) => x)),
    gram(Array.from({ length: indexOf.size }, (_, i) => rowOf(i + 1))),
  ];
  let loss = X.reduce((sum, value, cell) => sum + value * Y[cell]!, 0);
  for (let f = 0; f < F; f++) loss += regularization * (X[f * F + f]! + Y[f * F + f]!);
  for (const { interactions, x } of userFactors) {
    for (const item of new Set(interactions)) {
      const score = x.reduce((sum, value, f) => sum + value * rowOf(item)[f]!, 0);
      loss += (1 + alpha) * (1 - score) ** 2 - score ** 2;
    }
  }
  return loss;
}

interface ImplicitResult {
  readonly cg: { readonly seconds: number; readonly loss: number };
  readonly exact: { readonly seconds: number; readonly loss: number };
}

function runImplicit(): ImplicitResult {
  const script = fileURLToPath(new URL('../../python/compare.py', import.meta.url));
  // implicit recommends this: BLAS threads would compete with its own.
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '1' };
  const output = execFileSync(python, [script, pairsFile, JSON.stringify(settings)], { env, encoding: 'utf8' });
  return JSON.parse(output) as ImplicitResult;
}

console.log(`${pairs.users.length} pairs, ${indexOf.size} items, ${JSON.stringify(settings)}`);
const rows = [['seconds per iteration', 'Facet, exact', 'with setup', 'implicit, exact', 'implicit, CG']];
const ratios: number[] = [];
for (let round = 1; round <= rounds; round++) {
  const facet = runFacet();
  const { exact, cg } = runImplicit();
  ratios.push(facet.seconds / cg.seconds);
  const seconds = [facet.seconds, facet.withSetup, exact.seconds, cg.seconds];
  rows.push([`round ${round}`, ...seconds.map((value) => value.toFixed(3))]);
  rows.push(['loss', formatCount(facet.loss), '', formatCount(exact.loss), formatCount(cg.loss)]);
}
console.log(alignColumns(rows, { right: [1, 2, 3, 4] }).join('\n'));
const ratio = median(ratios);
console.log(
  `Facet vs. implicit with CG, median: ${ratio.toFixed(2)} (at most ${ratioMax}: ${ratio <= ratioMax ? 'met' : 'MISSED'})`,
);
