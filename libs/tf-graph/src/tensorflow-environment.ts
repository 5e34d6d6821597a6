/* Defaults for TensorFlow's environment variables. TensorFlow reads them once, when ./tensorflow.ts loads its library. */
import { availableParallelism } from 'node:os';

// Hides TensorFlow's start-up messages, which would mix with the output of a command.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
// Keeps oneDNN off even if the environment turns it on, as some images do. In TensorFlow 2.21 its batched matrix products may corrupt
// memory (tensorflow/tensorflow#117700 and #123109). docs/adr/0022 lists what was tried.
process.env['TF_ENABLE_ONEDNN_OPTS'] = '0';
// A graph runs independent operations in parallel. Operations that also split their own work over all cores wait for busy
// threads: a step takes 10 to 20 % longer on two cores.
process.env['TF_NUM_INTRAOP_THREADS'] ??= String(Math.max(1, availableParallelism() >> 1));
