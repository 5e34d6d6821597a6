/* Defaults for TensorFlow's environment variables. TensorFlow reads them once, when ./tensorflow.ts loads its library. */
import { availableParallelism } from 'node:os';

// Hides TensorFlow's start-up messages, which would mix with the output of a command.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
// oneDNN's batched matrix products in TensorFlow 2.21 write to freed memory (tensorflow/tensorflow#117700 and #123109), so that the
// environment cannot turn it on: some images set this variable for all programs. docs/adr/0022 lists what was tried.
process.env['TF_ENABLE_ONEDNN_OPTS'] = '0';
// A graph runs independent operations in parallel. Operations that also split their own work over all cores wait for busy
// threads: a step takes 10 to 20 % longer on two cores.
process.env['TF_NUM_INTRAOP_THREADS'] ??= String(Math.max(1, availableParallelism() >> 1));
