import type { SparseRows } from '@facet/features';
import { operation } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';

/** The rows of a sparse matrix as tensors, in blocks of rows with about as many entries. W = α · value is the extra weight of an entry. */
export interface RowBlocks {
  readonly blocks: readonly RowBlock[];
  /** [rows] the position of each row's solution among those of all blocks; after the last one for a row without entries. */
  readonly places: Tensor1D;
}

/** b rows of at most n entries each. Missing entries have weight 0. */
interface RowBlock {
  readonly n: number;
  /** [b · n] columns of the entries. */
  readonly columns: Tensor1D;
  /** √W and (1 + W) / √W, [b, n, 1] each. */
  readonly roots: Tensor3D;
  readonly targets: Tensor3D;
}

/** Values of the largest tensor of a block: few enough for the CPU cache, enough to amortize the cost of an operation. */
const blockValuesMax = 1 << 20;

/** Entry counts are rounded up to multiples of this, for rows of up to F entries and for longer rows. */
const roundedTo = { short: 4, long: 32 };

/** Returns the blocks of a matrix. @param factors F */
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

/**
 * Returns the rows x [rows, F] that minimize Σ_j c_j (r_j − xᵀ y_j)² + λ |x|², with c = 1 + W and r = 1 for the entries of a row, and
 * c = 1 and r = 0 otherwise: (M + Yᵀ W Y) x = Yᵀ c with M = YᵀY + λ. A row without entries becomes zero.
 *
 * With P Pᵀ = M⁻¹, V = Y P and A = √W V of the row's entries: x = P u, (1 + AᵀA) u = Vᵀ c = z. By the Woodbury identity
 * u = z − Aᵀ t, (1 + AAᵀ) t = A z, which has one unknown per entry. With more than F entries, u is solved directly.
 *
 * @param other Y, the factors of the other side.
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
        if (n > F) return solvePositiveDefinite(plusIdentity(tf.matMul(A, A, true, false)), z).reshape([b, F]);
        const t = solvePositiveDefinite(plusIdentity(tf.matMul(A, A, false, true)), tf.matMul(A, z));
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

/** Solves A x = b for symmetric positive definite matrices [..., m, m] and right sides [..., m, 1]. */
function solvePositiveDefinite(matrices: Tensor, right: Tensor): Tensor {
  const lower = operation('Cholesky', [matrices]);
  return solveTriangular(lower, solveTriangular(lower, right, false), true);
}

/** Solves L x = b, or Lᵀ x = b if `adjoint`, for lower triangular matrices. */
function solveTriangular(lower: Tensor, right: Tensor, adjoint: boolean): Tensor {
  return operation('MatrixTriangularSolve', [lower, right], { T: 'float32', lower: true, adjoint });
}
