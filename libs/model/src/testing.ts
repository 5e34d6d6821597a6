export { graphInterests } from './testing/graph-interests.ts';
export type { GraphInterests, GraphModel } from './testing/graph-interests.ts';
export { liveTensors } from './testing/live-tensors.ts';
