/*
 * Records TensorFlow graphs from tfjs code, and runs them. Other libs load TensorFlow through `@facet/tf-graph/tensorflow`.
 * Start with `compile`, `record` and `openGraphSession`.
 * Imports no `@facet/*`: this lib runs any graph.
 */
export { compile } from './compile.ts';
export type { CompiledFunction } from './compile.ts';
export { createGraphBuilder, feedsOf, nodeName, tensorOf, typed } from './graph-builder.ts';
export type { GraphBuilder } from './graph-builder.ts';
export { liveTensors, operation, valuesOf } from './operation.ts';
export { record } from './record.ts';
export type { GraphNode } from './saved-model.ts';
export { openGraphSession } from './session.ts';
export type { GraphSession } from './session.ts';
