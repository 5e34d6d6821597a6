/* The entry of the process that `validate-file.ts` starts. */
import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { explainPositiveRule } from '@facet/features';
import { validateFiles } from '@facet/import';
import type { ValidationReport } from '@facet/import';
import { AppError, serveOrder } from '@facet/platform';
import type { ValidationTask } from './validate-file.ts';

// Events go first. If memory is short, Linux ends this process before the sink.
setPriority(Math.max(10, getPriority()));
try {
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // Some systems refuse it.
}

serveOrder<ValidationTask, ValidationReport>(
  async ({ path, kind, mapping, eventTypes, positives, bounds, reportBytesMax }) => {
    const reading = { mapping, types: eventTypes, learning: explainPositiveRule(positives), bounds };
    const { report } = await validateFiles({ events: [], [kind]: [path] }, reading);
    if (JSON.stringify(report).length <= reportBytesMax) return report;
    throw new AppError(`The report of ${path} exceeds ${reportBytesMax} bytes.`, {
      code: 'VALIDATION_FAILED',
      category: 'input',
      remedy: 'Check its columns and times, or run facet validate.',
    });
  },
);
