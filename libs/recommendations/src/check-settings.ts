import { AppError } from '@facet/platform';
import type { NamedFilters } from './filtering/filter-fields.ts';
import { mergeFault } from './merge-fields.ts';
import type { MergeFields } from './merge-fields.ts';
import type { ServingSettings } from './settings.ts';

/** What an experiment changes about answers, as far as the settings tell whether that can be. */
export interface ChangingExperiment {
  readonly arms: readonly ChangingArm[];
  readonly shadow: readonly ChangingArm[];
}

interface ChangingArm {
  readonly name: string;
  readonly settings: { readonly merge?: MergeFields; readonly filters?: readonly string[] };
}

/**
 * Of filters, experiments and arms: they are named in answers, logs and metrics, and filters in the query of similar items, with
 * commas between them.
 */
export const namePattern = '^[a-z][a-z0-9_-]{0,63}$';
const isName = new RegExp(namePattern);

/**
 * Checks what a schema does not say of settings that no request names, and that would fail every request: merges that are
 * whole, filters that can be named, and arms whose filters are declared and need nothing that a request may not have.
 *
 * @param experiments in the order of their declaration.
 * @param source the file, as errors name it.
 * @throws AppError `CONFIG_INVALID` naming each wrong field, with what to do about it.
 */
export function checkServingSettings(
  { merge, filters: declared }: ServingSettings,
  experiments: readonly ChangingExperiment[],
  source = 'facet.yaml',
): void {
  const problems: string[] = [];
  const checkMerge = (at: string, fields: MergeFields): void => {
    const wrong = mergeFault(fields);
    if (wrong !== undefined) problems.push(`${at}.${wrong.field}: ${wrong.complaint}. ${wrong.remedy}`);
  };
  const checkArm = (at: string, { settings }: ChangingArm): void => {
    if (settings.merge !== undefined) checkMerge(at, settings.merge);
    for (const [position, name] of (settings.filters ?? []).entries()) {
      const complaint = complaintAboutFilter(name, declared);
      if (complaint !== undefined) problems.push(`${at}.filters.${position}: ${complaint}`);
    }
  };

  checkMerge('serving', merge);
  for (const name of Object.keys(declared)) {
    if (!isName.test(name)) problems.push(`serving.filters.${name}: is no name. It must match ${namePattern}`);
  }
  for (const [index, { arms, shadow }] of experiments.entries()) {
    for (const arm of arms) checkArm(`experiments.${index}.arms.${arm.name}`, arm);
    for (const arm of shadow) checkArm(`experiments.${index}.shadow.${arm.name}`, arm);
  }
  if (problems.length === 0) return;
  throw new AppError(`${source} is not valid: ${problems.join('; ')}`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct the named fields in ${source}.`,
    context: { source, problems },
  });
}

/** Why an arm cannot have a filter: requests do not know that they are in the arm. */
function complaintAboutFilter(name: string, declared: NamedFilters): string | undefined {
  if (!Object.hasOwn(declared, name)) {
    const known = Object.keys(declared);
    const list = known.length === 0 ? 'None is.' : `Those that are: ${known.join(', ')}.`;
    return `${JSON.stringify(name)} is not declared in serving.filters. ${list}`;
  }
  const needed = contextOf(declared[name]!);
  if (needed.length === 0) return undefined;
  return (
    `the filter ${name} needs ${needed.map((field) => `context.${field}`).join(', ')}, which requests may not have. ` +
    'Declare one without context for the arm.'
  );
}

/** The fields of a request's context that a filter takes values from. */
function contextOf({ attributes }: NamedFilters[string]): string[] {
  const values = Object.values(attributes).flatMap(({ in: among, notIn, min, max }) => [among, notIn, min, max]);
  return values.flatMap((value) => (typeof value === 'object' && 'context' in value ? [value.context] : []));
}
