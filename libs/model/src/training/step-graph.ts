import { createGraphBuilder, nodeName, record, typed } from '@facet/tf-graph';
import type { GraphBuilder, GraphNode } from '@facet/tf-graph';
import type { ArraySpec } from '@facet/tf-graph/arrays';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor } from '@facet/tf-graph/tensorflow';
import type { BatchArrays, TrainingBatch, WeightTensors } from '../batch.ts';
import type { ModelSpec } from '../config.ts';
import { objective } from '../loss/objective.ts';
import { frozenWeights } from '../weights.ts';
import { addAdam, addGatherRows, addLazyAdam, addVariable } from './adam.ts';
import type { AdamVariables } from './adam.ts';
import { momentName, moments } from './training-state.ts';

/** The shape of each weight. */
export type WeightShapes = Readonly<Record<string, readonly number[]>>;

/** Names of nodes in the graph of a step. */
export const stepNodes = {
  learningRate: 'learningRate',
  beta1Power: 'beta1Power',
  beta2Power: 'beta2Power',
  /** Takes a step. Returns the loss before it. */
  stepped: 'stepped',
  /** The loss, without a step. */
  loss: 'loss',
  /** The gradient of a weight, without a step. For a sparse table, the gradient of the rows that the batch uses. */
  gradient: (weight: string): string => nodeName(`gradient/${weight}`),
  /** The values of a weight or moment. */
  read: (name: string): string => nodeName(`read/${name}`),
  /** The placeholder of new values of a weight or moment, and the node that assigns them. */
  fed: (name: string): string => nodeName(`fed/${name}`),
  write: (name: string): string => nodeName(`write/${name}`),
  /** Assigns zeros to a weight or moment. */
  clear: (name: string): string => nodeName(`clear/${name}`),
} as const;

/**
 * Builds the training step as one graph: loss and gradients as recorded from {@link objective}, and weights and moments as variables. Adam
 * updates the weights that a step uses as a whole, lazy Adam the tables of which the sample has `usedRows`.
 *
 * @param sample A batch with its items. Other batches may have other sizes.
 */
export function buildStepGraph(
  spec: ModelSpec,
  shapes: WeightShapes,
  sample: BatchArrays,
): { nodes: GraphNode[]; momentShapes: WeightShapes } {
  const weightSpecs: Record<string, ArraySpec> = {};
  for (const [name, [rows, ...shape]] of Object.entries(shapes)) {
    const used = sample.usedRows[name]?.shape[0] ?? rows!;
    weightSpecs[name] = { dtype: 'float32', shape: rows === undefined ? [] : [used, ...shape] };
  }
  const recording = record(
    ({ batch, weights }: { batch: TrainingBatch; weights: WeightTensors }) => lossAndGradients(spec, weights, batch),
    { batch: sample, weights: weightSpecs },
  );

  const builder = createGraphBuilder();
  const float = typed('float32');
  const inputs = builder.placeholders({ batch: sample });
  const rowsOf = (table: string): string | undefined => inputs[`batch/usedRows/${table}`];
  const handles = new Map<string, string>();
  for (const [name, shape] of Object.entries(shapes)) {
    const handle = addStoredVariable(builder, name, shape);
    const rows = rowsOf(name);
    handles.set(name, handle);
    inputs[`weights/${name}`] = rows === undefined ? stepNodes.read(name) : addGatherRows(builder, handle, rows);
  }
  const outputs = builder.call(recording, inputs);

  const adamInputs = {
    learningRate: builder.placeholder(stepNodes.learningRate, 'float32', []),
    beta1Power: builder.placeholder(stepNodes.beta1Power, 'float32', []),
    beta2Power: builder.placeholder(stepNodes.beta2Power, 'float32', []),
  };
  const momentShapes: Record<string, readonly number[]> = {};
  const trained = Object.entries(shapes).filter(([name]) => !frozenWeights.has(name));
  const updates = trained.flatMap(([name, shape]) => {
    const [first, second] = moments.map((moment) => {
      momentShapes[momentName(moment, name)] = shape;
      return addStoredVariable(builder, momentName(moment, name), shape);
    });
    // The loss of some models does not depend on all their weights.
    if (outputs[gradientOutput(name)] === undefined) return [];
    const gradient = builder.add('Identity', [outputs[gradientOutput(name)]!], { T: float }, stepNodes.gradient(name));
    const variables: AdamVariables = { weight: handles.get(name)!, first: first!, second: second! };
    const rows = rowsOf(name);
    if (rows === undefined) return addAdam(builder, variables, gradient, adamInputs);
    const table = { name, width: shape[1]!, variables, rows, values: inputs[`weights/${name}`]! };
    return addLazyAdam(builder, table, gradient, adamInputs);
  });
  const loss = builder.add('Identity', [outputs['loss']!], { T: float }, stepNodes.loss);
  builder.add('Identity', [loss, ...updates.map((update) => `^${update}`)], { T: float }, stepNodes.stepped);
  return { nodes: [...builder.nodes], momentShapes };
}

const gradientOutput = (weight: string): string => `gradient/${weight}`;

/** Adds a variable with nodes that read it, assign it and clear it. Returns its handle. */
function addStoredVariable(builder: GraphBuilder, name: string, shape: readonly number[]): string {
  const float = typed('float32');
  const handle = addVariable(builder, name, shape);
  builder.add('ReadVariableOp', [handle], { dtype: float }, stepNodes.read(name));
  const assign = (values: string, result: string): void => {
    const assigned = builder.add('AssignVariableOp', [handle, values], { dtype: float });
    // A session needs an output to ask for; an assignment has none.
    builder.add('Identity', [builder.scalar(1), `^${assigned}`], { T: float }, result);
  };
  const fed = builder.placeholder(stepNodes.fed(name), 'float32', shape);
  // Steps update variables in place, and a fed tensor shares memory with JavaScript: the variable needs a copy.
  assign(builder.add('DeepCopy', [fed], { T: float }), stepNodes.write(name));
  const form = builder.constant({ dtype: 'int32', shape: [shape.length], data: Int32Array.from(shape) });
  const zeros = builder.add('Fill', [form, builder.scalar(0)], { T: float, index_type: typed('int32') });
  assign(zeros, stepNodes.clear(name));
  return handle;
}

/** Returns the loss and the gradient of each trained weight, by TensorFlow.js's automatic differentiation of the objective. */
function lossAndGradients(spec: ModelSpec, weights: WeightTensors, batch: TrainingBatch): Record<string, Tensor> {
  const variables = Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, tf.variable(tensor, !frozenWeights.has(name))]),
  );
  try {
    const trainable = Object.values(variables).filter((variable) => variable.trainable);
    const { value, grads } = tf.variableGrads(() => objective(variables, spec, batch), trainable);
    const outputs: Record<string, Tensor> = { loss: value };
    for (const [name, variable] of Object.entries(variables)) {
      const gradient = grads[variable.name];
      if (gradient !== undefined && gradient !== null) outputs[gradientOutput(name)] = gradient;
    }
    return outputs;
  } finally {
    tf.dispose(variables);
  }
}
