/* eslint-disable no-restricted-properties -- the only way to set up a library that reads its environment */
/* TensorFlow reads these once, when its library loads; ./tf.ts imports this file first. */
import { availableParallelism } from 'node:os';

// Its start-up lines would stand between the lines of a command.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
// In TensorFlow 2.21 products of batches of matrices by oneDNN write to memory that they have given back: a crash in one of some dozen
// runs of the tests (tensorflow/tensorflow#117700 and #123109 are of the same operation). Without oneDNN a step takes a seventh longer.
process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
// Operations of a graph run side by side, which takes all cores. One that is itself divided among all of them waits for threads that
// are busy with others: on two cores a step takes a tenth to a fifth longer so.
process.env['TF_NUM_INTRAOP_THREADS'] ??= String(Math.max(1, availableParallelism() >> 1));
