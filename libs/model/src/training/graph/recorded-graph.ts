import type { Tensor } from '../../tf.ts';
import type { BatchArrays } from '../batch-arrays.ts';
import { addBatchInputs, addPlaceholder } from './batch-graph.ts';
import { addTrace, createGraphBuilder, typed } from './graph-builder.ts';
import type { DataType } from './graph-def.ts';
import { openGraphSession } from './graph-session.ts';
import type { GraphSession } from './graph-session.ts';
import type { SizedTrace } from './sizes.ts';

/** The float32 output of a recorded graph. */
export const recordedOutput = 'output';

/**
 * A computation that was recorded with the output {@link recordedOutput}, as a graph: the same in much less time, as nothing
 * comes between its operations and those that do not need one another run side by side.
 *
 * @param inputs the tensors that it reads, by the node that a run feeds @param batch arrays of other sizes in every run
 */
export function openRecordedGraph(
  traced: SizedTrace,
  inputs: Readonly<Record<string, Tensor>>,
  batch: BatchArrays = { sizes: {}, arrays: {} },
): GraphSession {
  const builder = createGraphBuilder();
  const { arrays: of, sizes } = addBatchInputs(builder, batch);
  for (const [node, { dtype, shape }] of Object.entries(inputs)) {
    of[node] = addPlaceholder(builder, node, dtype as DataType, shape);
  }
  const outputs = addTrace(builder, traced, { of, sizes });
  builder.add('Identity', [outputs[recordedOutput]!], { T: typed('float32') }, recordedOutput);
  return openGraphSession(builder.nodes);
}
