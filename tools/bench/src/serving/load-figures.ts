import { describeLatencies, failuresOf } from '../load/latencies.ts';
import type { Failures, Latencies } from '../load/latencies.ts';
import type { LoadResult } from '../load/load.ts';

/** What a load says of a server. */
export interface LoadFigures {
  /** Answers a second. */
  readonly rate: number;
  readonly latency: Latencies;
  readonly failures: Failures;
  /** Processor time of all serving processes for one request. */
  readonly cpuMs: number;
  /** And of the load generator. */
  readonly generatorCpuMs: number;
  /** How late the generator was, on average. */
  readonly lateMs: number;
}

export function loadFigures(result: LoadResult, servingCpuMs: number): LoadFigures {
  const latency = describeLatencies(result.latenciesMs);
  return {
    rate: latency.count / result.seconds,
    latency,
    failures: failuresOf(result.statuses),
    cpuMs: servingCpuMs / latency.count,
    generatorCpuMs: result.cpuMs / latency.count,
    lateMs: result.lateMs,
  };
}
