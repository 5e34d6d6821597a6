import { json, printFigures, readCommandLine } from '@facet/local-services';
import type { Options } from '@facet/local-services';

/** A bound that a figure should meet. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Reads the command line of a benchmark, which has the option `--json`. */
export function startBench<const Given extends Options>(command: Parameters<typeof readCommandLine<Given>>[0]) {
  const options = { ...command.options, json } as Given & { readonly json: typeof json };
  const { values, positionals } = readCommandLine({ ...command, options });
  return {
    values,
    positionals,
    /**
     * Prints the figures as JSON with `--json`, or else as text, and whether they meet their targets.
     *
     * @returns whether all targets are met.
     */
    report(figures: object, targets: readonly Target[] = []): boolean {
      const results = targets.map(({ name, value, ...bounds }) => {
        const { atMost = Infinity, atLeast = -Infinity } = bounds;
        return { name, value, result: value <= atMost && value >= atLeast ? 'met' : 'MISSED', ...bounds };
      });
      printFigures(values.json === true, { ...figures, targets: targets.length === 0 ? undefined : results });
      return results.every(({ result }) => result === 'met');
    },
  };
}
