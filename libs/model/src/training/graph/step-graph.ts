import { tf } from '../../tf.ts';
import type { Tensor, Variable } from '../../tf.ts';
import type { ModelSpec } from '../../config.ts';
import { poolEmbeddings } from '../../layers/item-tower.ts';
import { frozenWeights } from '../../weights.ts';
import { shapeOf } from '../batch-arrays.ts';
import type { BatchArrays } from '../batch-arrays.ts';
import { toBatch } from '../batch-tensors.ts';
import { objective } from '../objective.ts';
import { momentName, moments } from '../training-state.ts';
import { pooledOf, usedRowsArray } from '../used-rows.ts';
import { addAdam, addGatherRows, addLazyAdam, addVariable } from './adam.ts';
import type { AdamVariables } from './adam.ts';
import { addBatchInputs, addPlaceholder, batchNodes, tracedTensors } from './batch-graph.ts';
import { addTrace, createGraphBuilder, nodeName, typed } from './graph-builder.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { GraphNode } from './graph-def.ts';
import { traceBySizes } from './sizes.ts';
import { traceOperations } from './trace.ts';
import type { Trace } from './trace.ts';

/** What the graph of a training step is made for. */
export interface StepModel {
  readonly spec: ModelSpec;
  /** The shape of each weight. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Tables of which a step gathers and updates the rows that it uses. */
  readonly sparseTables: ReadonlySet<string>;
}

/** Names of nodes in the graph of a step. */
export const stepNodes = {
  ...batchNodes,
  learningRate: 'learningRate',
  beta1Power: 'beta1Power',
  beta2Power: 'beta2Power',
  /** The loss before the step; when it is there, the step has been taken. */
  stepped: 'stepped',
  /** The loss, without a step. */
  loss: 'loss',
  /** Of a trained weight, and for a sparse table of the rows that the batch uses, without a step. */
  gradient: (weight: string): string => nodeName(`gradient/${weight}`),
  /** Of a weight or a moment: its values; where to feed new ones; what assigns those; what assigns zeros. */
  read: (name: string): string => nodeName(`read/${name}`),
  fed: (name: string): string => nodeName(`fed/${name}`),
  write: (name: string): string => nodeName(`write/${name}`),
  clear: (name: string): string => nodeName(`clear/${name}`),
} as const;

/**
 * The training step as one graph: forward pass and gradient as recorded from {@link objective}, around it the weights and their
 * moments as variables, Adam for those that a step uses whole, lazy Adam for the sparse tables.
 *
 * @param sample a batch as steps will have them; other sizes than its are fine
 */
export function buildStepGraph(
  model: StepModel,
  sample: BatchArrays,
): { nodes: GraphNode[]; momentShapes: Record<string, readonly number[]> } {
  const traced = traceBySizes(Object.keys(sample.sizes), (sizes) => traceLoss(model, { ...sample, sizes }));

  const builder = createGraphBuilder();
  const float = typed('float32');
  const fed = addBatchInputs(builder, sample);
  const of = fed.arrays;
  const handles = new Map<string, string>();
  for (const [name, shape] of Object.entries(model.shapes)) {
    const handle = addKept(builder, name, shape);
    handles.set(name, handle);
    of[weightInput(name)] = model.sparseTables.has(name)
      ? addGatherRows(builder, handle, of[usedRowsArray(name)]!)
      : stepNodes.read(name);
  }
  const outputs = addTrace(builder, traced, { of, sizes: fed.sizes });

  const inputs = {
    learningRate: addPlaceholder(builder, stepNodes.learningRate, 'float32', []),
    beta1Power: addPlaceholder(builder, stepNodes.beta1Power, 'float32', []),
    beta2Power: addPlaceholder(builder, stepNodes.beta2Power, 'float32', []),
  };
  const momentShapes: Record<string, readonly number[]> = {};
  const trained = Object.entries(model.shapes).filter(([name]) => !frozenWeights.has(name));
  const updates = trained.flatMap(([name, shape]) => {
    const [first, second] = moments.map((moment) => {
      momentShapes[momentName(moment, name)] = shape;
      return addKept(builder, momentName(moment, name), shape);
    });
    // A model need not use all its weights.
    if (outputs[gradientOutput(name)] === undefined) return [];
    const gradient = builder.add('Identity', [outputs[gradientOutput(name)]!], { T: float }, stepNodes.gradient(name));
    const variables: AdamVariables = { weight: handles.get(name)!, first: first!, second: second! };
    if (!model.sparseTables.has(name)) return addAdam(builder, variables, gradient, inputs);
    const [rows, values] = [of[usedRowsArray(name)]!, of[weightInput(name)]!];
    return addLazyAdam(builder, { name, width: shape[1]!, variables, rows, values }, gradient, inputs);
  });
  const loss = builder.add('Identity', [outputs['loss']!], { T: float }, stepNodes.loss);
  builder.add('Identity', [loss, ...updates.map((update) => `^${update}`)], { T: float }, stepNodes.stepped);
  return { nodes: [...builder.nodes], momentShapes };
}

const weightInput = (weight: string): string => `weight/${weight}`;
const gradientOutput = weightInput;

/** Adds a variable with what reads it as a whole and what assigns it; returns its handle. */
function addKept(builder: GraphBuilder, name: string, shape: readonly number[]): string {
  const float = typed('float32');
  const handle = addVariable(builder, name, shape);
  builder.add('ReadVariableOp', [handle], { dtype: float }, stepNodes.read(name));
  const assign = (values: string, result: string): void => {
    const assigned = builder.add('AssignVariableOp', [handle, values], { dtype: float });
    // An assignment has no output to ask for.
    builder.add('Identity', [builder.scalar(1), `^${assigned}`], { T: float }, result);
  };
  const fed = addPlaceholder(builder, stepNodes.fed(name), 'float32', shape);
  // A fed tensor is JavaScript's memory, and steps change variables in place: they get a copy.
  assign(builder.add('DeepCopy', [fed], { T: float }), stepNodes.write(name));
  const form = builder.constant({ dtype: 'int32', shape: [shape.length], data: Int32Array.from(shape) });
  const zeros = builder.add('Fill', [form, builder.scalar(0)], { T: float, index_type: typed('int32') });
  assign(zeros, stepNodes.clear(name));
  return handle;
}

/** Loss and gradients of a batch of these sizes, whose values do not matter. */
function traceLoss({ spec, shapes, sparseTables }: StepModel, { sizes, arrays }: BatchArrays): Trace {
  const tensors = tracedTensors(arrays, sizes);
  const weights: Record<string, Variable> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const rows = sparseTables.has(name) ? shapeOf(arrays[usedRowsArray(name)]!, sizes) : shape.slice(0, 1);
    weights[name] = tf.tidy(() =>
      tf.variable(tf.fill([...rows, ...shape.slice(1)], 1 / sizes['P']!), !frozenWeights.has(name)),
    );
  }
  const inputs: Record<string, Tensor> = { ...tensors };
  for (const [name, variable] of Object.entries(weights)) inputs[weightInput(name)] = variable;
  try {
    return traceOperations(inputs, () => lossAndGradients(spec, weights, tensors));
  } finally {
    tf.dispose([tensors, weights]);
  }
}

/** `loss` and, of each trained weight, the gradient, from the readable model and TensorFlow.js's own differentiation. */
function lossAndGradients(
  spec: ModelSpec,
  weights: Readonly<Record<string, Variable>>,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const trainable = Object.values(weights).filter((variable) => variable.trainable);
  const { value, grads } = tf.variableGrads(() => {
    const pooled = pooledOf(tensors);
    const itemTower = { embed: (tables: Readonly<Record<string, Tensor>>) => poolEmbeddings(tables, pooled) };
    return objective(weights, spec, itemTower, toBatch(spec, tensors));
  }, trainable);
  const outputs: Record<string, Tensor> = { loss: value };
  for (const [name, variable] of Object.entries(weights)) {
    const gradient = grads[variable.name];
    if (gradient !== undefined && gradient !== null) outputs[gradientOutput(name)] = gradient;
  }
  return outputs;
}
