import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine } from '@facet/local-services';
import { endWithRows, onlyOption, playEach, suiteOptions } from '../suite.ts';
import { servingScenarios, startTestbed } from './scenarios.ts';
import type { ServingScenario } from './scenarios.ts';
import { startSteadyLoad } from './steady-load.ts';
import type { TimedRequest } from './steady-load.ts';

const { values } = readCommandLine({
  options: {
    ...suiteOptions,
    only: onlyOption('scenarios', servingScenarios),
  },
  notes: `Two serving processes use a small bundle, profiles in a real Redis, and a separate disk for exposures. For each fault the suite
reports the failed requests, the responses without a profile, the longest latency, and the recovery time: from the end of
the fault to the last response that failed, lacked the profile or took more than 250 ms.

Exit code: 0 when no scenario exceeds its allowed failures, 1 otherwise. A killed worker may fail the requests it is processing.
The scenario with a full disk needs permission to mount a tmpfs (root on Linux).`,
});

const perSecond = 100;
const slowMs = 250;
/** Pause before and after each fault. */
const calmMs = 2_000;

const testbed = await startTestbed(values.seed);
const possible = servingScenarios.filter(
  ({ needsSmallDisk }) => needsSmallDisk !== true || testbed.smallDisk !== undefined,
);
const rows = await playEach(possible, values.only, play);
const exitCode = await testbed.serving.stop();
if (exitCode !== 0) throw new Error(`the serving app exited with ${exitCode}:\n${testbed.serving.output}`);
endWithRows(values.json, rows);

async function play({ name, fault, failedMax = 0, run }: ServingScenario) {
  const load = startSteadyLoad(testbed.url, perSecond);
  await sleep(calmMs);
  const begin = performance.now();
  const problem = await run(testbed).catch((error: unknown) => String(error));
  const end = performance.now();
  await sleep(calmMs);
  await load.stop();
  const requests = load.requests.filter(({ at }) => at >= begin);
  const isFailed = ({ status }: TimedRequest): boolean => status !== 200;
  const bad = requests.filter((one) => isFailed(one) || one.isDegraded || one.ms > slowMs);
  const failures = requests.filter(isFailed);
  const failed = failures.length;
  const kinds = [...new Set(failures.map(({ status, code }) => code ?? status))].join(', ');
  const tooMany = failed > failedMax ? [`${failed} requests failed (${kinds}), at most ${failedMax} allowed`] : [];
  return {
    name,
    fault,
    requests: requests.length,
    failed,
    degraded: requests.filter(({ isDegraded }) => isDegraded).length,
    longestMs: requests.reduce((longest, { ms }) => Math.max(longest, ms), 0),
    recoveryMs: bad.reduce((last, { at, ms }) => Math.max(last, at + ms - end), 0),
    problems: [...(typeof problem === 'string' ? [problem] : []), ...tooMany],
  };
}
