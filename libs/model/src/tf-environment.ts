/* eslint-disable no-restricted-properties -- the only way to set up a library that reads its environment */
/* TensorFlow reads these once, when its library loads; ./tf.ts imports this file first. */
import { availableParallelism } from 'node:os';

// Its start-up lines would stand between the lines of a command.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
// A step in a graph takes a fifth less processor time with oneDNN's matrix products. TensorFlow says two lines about that, whatever
// its log level.
process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '1';
// Operations of a graph run side by side, which takes all cores. One that is itself divided among all of them waits for threads that
// are busy with others: on two cores a step takes a tenth to a fifth longer so.
process.env['TF_NUM_INTRAOP_THREADS'] ??= String(Math.max(1, availableParallelism() >> 1));
