import { parseArgs } from 'node:util';
import { FacetConfig } from '@facet/config';
import { chooseSystems, protocolNames, sweepSystems } from '@facet/benchmark';
import type { BenchmarkData, ProtocolName } from '@facet/benchmark';
import { parseWith } from '@facet/platform';
import { expect, it } from 'vitest';
import { stepsOf } from '../src/tables/steps.ts';

const steps = stepsOf({
  movieLens: 'movielens',
  retail: 'retail',
  beauty: 'beauty',
  beautyData: 'amazon-beauty',
  retailWindows: 'windows.yaml',
  noFeatures: 'no-features.yaml',
});

const optionsOf = (options: readonly string[]) =>
  parseArgs({
    args: [...options],
    options: {
      home: { type: 'string' },
      data: { type: 'string' },
      config: { type: 'string' },
      protocol: { type: 'string' },
      systems: { type: 'string' },
      seeds: { type: 'string' },
      sweep: { type: 'string', multiple: true },
    },
  }).values;

/** The parts of a benchmark's data that decide which systems it has, and their settings. Sequences have no times. */
function dataOf(protocol: ProtocolName, hasTimes: boolean): BenchmarkData {
  const isTimed = protocol === 'time-split' || protocol === 'rolling';
  const parts = {
    protocol: {
      name: protocol,
      tasks: protocol === 'leave-one-out' ? ['new'] : ['new', 'all'],
      test: { cut: isTimed ? 0 : () => 0 },
    },
    data: {
      sequences: { offsets: Int32Array.of(0) },
      items: [
        { itemId: '', attributes: {} },
        { itemId: 'cup', title: 'tea cup', attributes: {} },
      ],
    },
    hasTimes,
  };
  return parts as unknown as BenchmarkData;
}

const valueOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

it('starts with the default on every data set and protocol, and names each step once', () => {
  expect(new Set(steps.map(({ name }) => name)).size).toBe(steps.length);
  const protocols = steps.flatMap(({ name }) => (name.endsWith(': all systems') ? [name.split(': ')[0]] : []));
  expect(steps.slice(0, protocols.length).map(({ name }) => name)).toEqual(protocols.map((each) => `${each}: default`));
  for (const name of protocolNames) expect(protocols.some((each) => each!.endsWith(`, ${name}`))).toBe(true);
});

it.each(steps)(
  '$name: has only systems that the benchmark knows, and sweeps whose values change them',
  ({ arguments: given }) => {
    const { data, protocol, systems, sweep = [], seeds, home } = optionsOf(given);
    const config = parseWith(FacetConfig, {}, { source: 'the test' });
    const benchmark = dataOf(protocol as ProtocolName, data === undefined);
    const chosen = chooseSystems(systems?.split(','), { config, benchmark, settings: [] });
    if (systems !== undefined) expect(chosen.map(({ name }) => name).sort()).toEqual(systems.split(',').sort());
    for (const each of sweep) {
      const [name, values = ''] = each.split('=') as [string, string?];
      for (const tower of chosen.filter(({ kind }) => kind === 'tower')) {
        const swept = sweepSystems({ name, values: values.split(',').map(valueOf) }, [tower]);
        // The values of a curve may contain the default.
        const compared = swept.length === 1 ? [tower, ...swept] : swept;
        expect(new Set(compared.map(({ settings }) => JSON.stringify(settings))).size, each).toBe(compared.length);
      }
    }
    expect(Number(seeds)).toBeGreaterThan(0);
    expect(home).toBeDefined();
  },
);
