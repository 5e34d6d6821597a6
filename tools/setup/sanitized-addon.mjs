import path from 'node:path';
import { runCommand } from './kit/command.mjs';
import { makePlan } from './plan.mjs';
import { ensureSanitizedAddon } from './steps/faiss.mjs';

// Prints the path of the Faiss addon with sanitizers, and builds it on the first run.
const plan = makePlan(path.join(import.meta.dirname, '../../'), process.env);
const { signal } = new AbortController();
const update = (/** @type {string} */ detail) => void process.stderr.write(`Faiss with sanitizers: ${detail}\n`);
await ensureSanitizedAddon({ plan, run: runCommand, signal }, update);
console.log(path.join(plan.sanitizedAddon, 'faiss-node.node'));
