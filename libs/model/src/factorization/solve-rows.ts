import type { SparseRows } from '@facet/features';
import { tf } from '../tf.ts';
import { operation } from '../tf-operation.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tf.ts';

/** Rows of a sparse matrix as tensors, those with about as many entries together. W = α · value is what an entry weighs more than none. */
export interface RowBlocks {
  readonly blocks: readonly RowBlock[];
  /** [rows] where each row's solution is among those of all blocks; behind the last one for a row without entries. */
  readonly places: Tensor1D;
}

/** b rows of at most n entries each; what is missing has the weight 0, which changes nothing. */
interface RowBlock {
  readonly n: number;
  /** [b · n] columns of the entries. */
  readonly columns: Tensor1D;
  /** √W and (1 + W) / √W, [b, n, 1] each. */
  readonly roots: Tensor3D;
  readonly targets: Tensor3D;
}

/** Values of the largest tensor of a block: few enough for a cache, and enough for what an operation costs anyhow. */
const blockValuesMax = 1 << 20;

/** Numbers of entries are rounded up to multiples of this, for rows of up to F entries and for longer ones. */
const roundedTo = { short: 4, long: 32 };

/** @param factors F of the systems that the rows are for */
export function toBlocks({ start, columns, values }: SparseRows, alpha: number, factors: number): RowBlocks {
  const rowCount = start.length - 1;
  const rowsBySize = new Map<number, number[]>();
  for (let row = 0; row < rowCount; row++) {
    const entries = start[row + 1]! - start[row]!;
    if (entries === 0) continue;
    const multiple = entries <= factors ? roundedTo.short : roundedTo.long;
    const n = multiple * Math.ceil(entries / multiple);
    if (!rowsBySize.has(n)) rowsBySize.set(n, []);
    rowsBySize.get(n)!.push(row);
  }

  const blocks: RowBlock[] = [];
  const solved: number[] = [];
  for (const [n, rows] of rowsBySize) {
    const rowsMax = Math.max(1, Math.floor(blockValuesMax / (n * factors)));
    for (let first = 0; first < rows.length; first += rowsMax) {
      const ofBlock = rows.slice(first, first + rowsMax);
      const cells = ofBlock.length * n;
      const block = {
        columns: new Int32Array(cells),
        roots: new Float32Array(cells),
        targets: new Float32Array(cells),
      };
      ofBlock.forEach((row, position) => {
        for (let entry = start[row]!, cell = position * n; entry < start[row + 1]!; entry++, cell++) {
          const weight = alpha * values[entry]!;
          block.columns[cell] = columns[entry]!;
          block.roots[cell] = Math.sqrt(weight);
          block.targets[cell] = (1 + weight) / Math.sqrt(weight);
        }
      });
      const shape: [number, number, number] = [ofBlock.length, n, 1];
      blocks.push({
        n,
        columns: tf.tensor1d(block.columns, 'int32'),
        roots: tf.tensor3d(block.roots, shape),
        targets: tf.tensor3d(block.targets, shape),
      });
      solved.push(...ofBlock);
    }
  }
  const places = new Int32Array(rowCount).fill(solved.length);
  solved.forEach((row, place) => {
    places[row] = place;
  });
  return { blocks, places: tf.tensor1d(places, 'int32') };
}

/** The tensors of blocks by names that begin with `prefix`, to feed to a graph. */
export function blockTensors({ blocks, places }: RowBlocks, prefix: string): Record<string, Tensor> {
  const named = blocks.flatMap(({ columns, roots, targets }, block) =>
    Object.entries({ columns, roots, targets }).map(
      ([name, tensor]) => [`${prefix}/${block}/${name}`, tensor] as const,
    ),
  );
  return { [`${prefix}/places`]: places, ...Object.fromEntries(named) };
}

/**
 * The rows x [rows, F] that minimize Σ_j c_j (r_j − xᵀ y_j)² + λ |x|², c = 1 + W and r = 1 for the entries of a row, 1 and 0 for all
 * others: (M + Yᵀ W Y) x = Yᵀ c with M = YᵀY of all rows of the other side + λ.
 *
 * With P Pᵀ = M⁻¹, V = Y P and A = √W V of the row's own entries it is x = P u, (1 + AᵀA) u = Vᵀ c = z. By the identity of Woodbury
 * u = z − Aᵀ t, (1 + AAᵀ) t = A z, which has as many unknowns as the row has entries; with more than F of them u is solved for.
 *
 * @param other Y, the other side; a row without entries becomes zero
 */
export function solveRows(other: Tensor2D, { blocks, places }: RowBlocks, regularization: number): Tensor2D {
  const F = other.shape[1];
  return tf.tidy(() => {
    const M = tf.add(tf.matMul(other, other, true, false), tf.mul(regularization, tf.eye(F)));
    const P = solveTriangular(operation('Cholesky', [M]), tf.eye(F), true) as Tensor2D;
    const V = tf.matMul(other, P);
    const solutions = blocks.map(({ n, columns, roots, targets }) =>
      tf.tidy(() => {
        const b = roots.shape[0];
        const A = tf.mul(tf.gather(V, columns).reshape([b, n, F]), roots);
        const z = tf.matMul(A, targets, true, false); // [b, F, 1]
        if (n > F) return solvePositive(plusIdentity(tf.matMul(A, A, true, false)), z).reshape([b, F]);
        const t = solvePositive(plusIdentity(tf.matMul(A, A, false, true)), tf.matMul(A, z));
        return tf.sub(z, tf.matMul(A, t, true, false)).reshape([b, F]);
      }),
    );
    const all = tf.concat([...solutions, tf.zeros([1, F])], 0) as Tensor2D;
    return tf.gather(tf.matMul(all, P, false, true), places) as Tensor2D;
  });
}

function plusIdentity(matrices: Tensor): Tensor {
  return tf.add(matrices, tf.eye(matrices.shape.at(-1)!));
}

/** x of A x = b for symmetric positive definite matrices [..., m, m] and right sides [..., m, 1]. */
function solvePositive(matrices: Tensor, right: Tensor): Tensor {
  const lower = operation('Cholesky', [matrices]);
  return solveTriangular(lower, solveTriangular(lower, right, false), true);
}

/** x of L x = b, or of Lᵀ x = b, for lower triangular matrices. */
function solveTriangular(lower: Tensor, right: Tensor, adjoint: boolean): Tensor {
  return operation('MatrixTriangularSolve', [lower, right], { T: 'float32', lower: true, adjoint });
}
