import { alignColumns, formatCount } from '@facet/platform';
import type { IndexChoice } from '@facet/retrieval';
import { describeFailures, describeLatencies, ms, verdict } from '../figures.ts';
import type { Latencies, ProcessMemory } from '../figures.ts';
import type { LoadResult } from '../load/load.ts';
import type { BareServerFigures } from './bare-server.ts';
import type { RawSearchResult } from './raw-search.ts';
import { checkedUsers, recallMin } from './world.ts';

/** Figures of a server under a load. */
export interface LoadFigures {
  /** Responses per second. */
  readonly rate: number;
  readonly latency: Latencies;
  /** `none` or a description. */
  readonly failures: string;
  /** Processor time of all serving processes per request. */
  readonly cpuMs: number;
  /** Processor time of the load generator per request. */
  readonly generatorCpuMs: number;
  /** Mean delay of the generator. */
  readonly lateMs: number;
}

export function loadFigures(result: LoadResult, servingCpuMs: number): LoadFigures {
  const latency = describeLatencies(result.latenciesMs);
  return {
    rate: latency.count / result.seconds,
    latency,
    failures: describeFailures([result.statuses]),
    cpuMs: servingCpuMs / latency.count,
    generatorCpuMs: result.cpuMs / latency.count,
    lateMs: result.lateMs,
  };
}

export interface ServingReport {
  readonly items: number;
  readonly index: IndexChoice;
  readonly limit: number;
  readonly raw: RawSearchResult;
  readonly tower: Latencies;
  readonly responseRecall: number;
  readonly closed: readonly (LoadFigures & { readonly concurrency: number })[];
  readonly saturated: LoadFigures & { readonly concurrency: number };
  readonly half: LoadFigures;
  /** The same load on a bare server. Absent with several processes. */
  readonly bare: BareServerFigures | undefined;
  readonly memory: readonly ProcessMemory[];
}

type Row = readonly [name: string, value: string];

export function renderServing(report: ServingReport): string {
  const { items, index, limit, raw, tower, responseRecall, closed, saturated, half, bare, memory } = report;
  const breadth = index.efSearch === undefined ? '' : `, efSearch ${index.efSearch}`;
  const recall = index.recall ?? 1;
  const rows: Row[] = [
    ['index recall@200', `${recall.toFixed(4)}${verdict(`at least ${recallMin}`, recall >= recallMin)}`],
    [`recall@200 of responses, ${checkedUsers} users`, responseRecall.toFixed(4)],
    ['bare Faiss, four queries, all cores', renderRaw(raw)],
    ['user tower, p50', atMost(tower.p50Ms, 0.5, ms)],
    ...closed.map((figures): Row => [
      `concurrency ${figures.concurrency}`,
      renderLoad(figures) + (figures.concurrency === 8 && items < 100_000 ? verdictOfSmall(figures) : ''),
    ]),
    ['half the peak rate', renderLoad(half)],
    ...halfRows(items, half),
    ...bareRows(half, bare),
    ['processor time per request, saturated', ms(saturated.cpuMs)],
    ['processor time per request, half', ms(half.cpuMs)],
    ['  vs. bare Faiss, saturated', atMost(saturated.cpuMs / raw.cpuMs, 1.5, ratio)],
    [
      'load generator, saturated and half',
      `${ms(saturated.generatorCpuMs)} and ${ms(half.generatorCpuMs)} per request; delay ${ms(half.lateMs)}`,
    ],
    ...memory.map(({ residentMb, proportionalMb }, position): Row => [
      `memory of process ${position + 1}`,
      `RSS ${residentMb.toFixed(0)} MB, PSS ${proportionalMb.toFixed(0)} MB`,
    ]),
  ];
  const title = `${formatCount(items)} items, ${index.kind}${breadth}; 50 behaviors, ${limit} items per response`;
  return [title, ...alignColumns(rows, { indent: 2 })].join('\n');
}

/** Returns the rows with a target for this catalog size. */
function halfRows(items: number, { latency }: LoadFigures): Row[] {
  if (items < 100_000) return [];
  const p99 = (target: number): Row => ['  p99', atMost(latency.p99Ms, target, ms)];
  return items < 1_000_000 ? [p99(4)] : [['  p50', atMost(latency.p50Ms, 5, ms)], p99(12)];
}

function bareRows({ latency }: LoadFigures, bare: BareServerFigures | undefined): Row[] {
  if (bare === undefined) return [];
  const { p50Ms, p99Ms, p999Ms } = bare.latency;
  return [
    [`  bare server, ${ms(bare.busyMs)} per request`, `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, p99.9 ${ms(p999Ms)}`],
    ['  p99 vs. the bare server', ratio(latency.p99Ms / p99Ms)],
  ];
}

function verdictOfSmall({ rate, latency, failures }: LoadFigures): string {
  return verdict('2,000/s, p99 15 ms', rate >= 2_000 && latency.p99Ms <= 15 && failures === 'none');
}

function renderLoad({ rate, latency, failures }: LoadFigures): string {
  const { p50Ms, p99Ms, p999Ms } = latency;
  const failed = failures === 'none' ? '' : `, failed: ${failures}`;
  return `${formatCount(rate).padStart(6)}/s   p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, p99.9 ${ms(p999Ms)}${failed}`;
}

function renderRaw({ cpuMs, p50Ms, p99Ms, recall, efSearch }: RawSearchResult): string {
  const breadth = efSearch === undefined ? '' : ` at efSearch ${efSearch}`;
  return `${ms(cpuMs)} processor time, recall ${recall.toFixed(4)}${breadth}; p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
}

function atMost(value: number, target: number, render: (value: number) => string): string {
  return render(value) + verdict(`at most ${render(target)}`, value <= target);
}

function ratio(value: number): string {
  return value.toFixed(2);
}
