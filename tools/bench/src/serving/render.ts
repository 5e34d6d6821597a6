import { alignColumns } from '@facet/platform';
import type { IndexChoice } from '@facet/retrieval';
import { countFailures, describeLatencies, hasFailures, renderFailures } from '../load/latencies.ts';
import type { Failures, Latencies } from '../load/latencies.ts';
import type { LoadResult } from '../load/load.ts';
import type { ProcessMemory } from '../figures.ts';
import type { BareServerFigures } from './measure-bare-server.ts';
import type { RawSearchResult } from './raw-search.ts';
import { checkedUsers, recallMin } from './world.ts';

/** Figures of a server under a load. */
export interface LoadFigures {
  /** Responses per second. */
  readonly rate: number;
  readonly latency: Latencies;
  readonly failures: Failures;
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
    failures: countFailures(result.statuses),
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

/** A figure and its target. */
interface Row {
  readonly name: string;
  readonly value: string;
  readonly target?: string;
  readonly isMet?: boolean;
}

export function renderServing(report: ServingReport): string {
  const { items, index, limit, raw, tower, responseRecall, closed, saturated, half, bare, memory } = report;
  const breadth = index.efSearch === undefined ? '' : `, efSearch ${index.efSearch}`;
  const rows: Row[] = [
    atLeast('index recall@200', index.recall ?? 1, recallMin, (value) => value.toFixed(4)),
    { name: `recall@200 of responses, ${checkedUsers} users`, value: responseRecall.toFixed(4) },
    { name: 'bare Faiss, four queries, all cores', value: renderRaw(raw) },
    atMost('user tower, p50', tower.p50Ms, 0.5, ms),
    ...closed.map((figures) => closedRow(figures, items)),
    { name: 'half the peak rate', value: renderLoad(half), ...verdictOfFailures(half) },
    ...halfRows(items, half),
    ...bareRows(half, bare),
    { name: 'processor time per request, saturated', value: ms(saturated.cpuMs) },
    { name: 'processor time per request, half', value: ms(half.cpuMs) },
    atMost('  vs. bare Faiss, saturated', saturated.cpuMs / raw.cpuMs, 1.5, ratio),
    {
      name: 'load generator, saturated and half',
      value: `${ms(saturated.generatorCpuMs)} and ${ms(half.generatorCpuMs)} per request; delay ${ms(half.lateMs)}`,
    },
    ...memory.map(({ residentMb, proportionalMb }, position) => ({
      name: `memory of process ${position + 1}`,
      value: `RSS ${residentMb.toFixed(0)} MB, PSS ${proportionalMb.toFixed(0)} MB`,
    })),
  ];
  const title = `${items.toLocaleString('en')} items, ${index.kind}${breadth}; 50 behaviors, ${limit} items per response`;
  return [
    title,
    ...alignColumns(
      rows.map((row) => [row.name, row.value + verdict(row)]),
      { indent: 2 },
    ),
  ].join('\n');
}

/** Returns the rows with a target for this catalog size. */
function halfRows(items: number, { latency }: LoadFigures): Row[] {
  if (items >= 1_000_000) return [atMost('  p50', latency.p50Ms, 5, ms), atMost('  p99', latency.p99Ms, 12, ms)];
  if (items >= 100_000) return [atMost('  p99', latency.p99Ms, 4, ms)];
  return [];
}

function bareRows({ latency }: LoadFigures, bare: BareServerFigures | undefined): Row[] {
  if (bare === undefined) return [];
  const { busyMs, latency: ofBare } = bare;
  const value = `p50 ${ms(ofBare.p50Ms)}, p99 ${ms(ofBare.p99Ms)}, p99.9 ${ms(ofBare.p999Ms)}`;
  return [
    { name: `  bare server, ${ms(busyMs)} per request`, value },
    { name: '  p99 vs. the bare server', value: ratio(latency.p99Ms / ofBare.p99Ms) },
  ];
}

function closedRow(figures: LoadFigures & { readonly concurrency: number }, items: number): Row {
  const name = `concurrency ${figures.concurrency}`;
  const value = renderLoad(figures);
  if (figures.concurrency !== 8 || items >= 100_000) return { name, value, ...verdictOfFailures(figures) };
  const isMet = figures.rate >= 2_000 && figures.latency.p99Ms <= 15 && !hasFailures(figures.failures);
  return { name, value, target: '2,000/s, p99 15 ms', isMet };
}

function verdictOfFailures({ failures }: LoadFigures): Pick<Row, 'target' | 'isMet'> {
  return hasFailures(failures) ? { target: 'none failed', isMet: false } : {};
}

function renderLoad({ rate, latency, failures }: LoadFigures): string {
  const { p50Ms, p99Ms, p999Ms } = latency;
  const failed = hasFailures(failures) ? `, failed: ${renderFailures(failures)}` : '';
  return `${Math.round(rate).toLocaleString('en').padStart(6)}/s   p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, p99.9 ${ms(p999Ms)}${failed}`;
}

function renderRaw({ cpuMs, p50Ms, p99Ms, recall, efSearch }: RawSearchResult): string {
  const breadth = efSearch === undefined ? '' : ` at efSearch ${efSearch}`;
  return `${ms(cpuMs)} processor time, recall ${recall.toFixed(4)}${breadth}; p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
}

function atMost(name: string, value: number, target: number, render: (value: number) => string): Row {
  return { name, value: render(value), target: `at most ${render(target)}`, isMet: value <= target };
}

function atLeast(name: string, value: number, target: number, render: (value: number) => string): Row {
  return { name, value: render(value), target: `at least ${render(target)}`, isMet: value >= target };
}

function verdict({ target, isMet }: Row): string {
  return target === undefined ? '' : `   (${target}: ${isMet === true ? 'met' : 'MISSED'})`;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

function ratio(value: number): string {
  return value.toFixed(2);
}
