// Trains with Facet as a process. Reads a number of steps per line, as train.py does.
import { createInterface } from 'node:readline';
import { startWorldTrainer } from './world-trainer.ts';

const [items = 0, batchSize = 0, negatives = 0, steps = 0] = process.argv.slice(2).map(Number);
const trainer = await startWorldTrainer({ items, batchSize, negatives, steps, hasFixedLogits: true });
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const startedAt = performance.now();
  let total = 0;
  for (let step = 0; step < count; step++) total += await trainer.step();
  const ms = performance.now() - startedAt;
  process.stdout.write(`${JSON.stringify({ ms, loss: total / count, rssMb: process.memoryUsage().rss / 1e6 })}\n`);
}
await trainer.close();
