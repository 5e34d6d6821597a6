import { invalidConfig, parseWith, problemsOf, readYamlFile } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { findAttributeProblems } from './checks/attributes.ts';
import { findContradictions } from './checks/contradictions.ts';
import { FacetConfig } from './facet-config.ts';

interface CheckOptions {
  /** Checks the names of attributes, too. Default: no check, for processes that fill the catalog. */
  readonly catalogFolder?: string;
}

/**
 * Reads `facet.yaml`. A missing file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE`; `CONFIG_INVALID` with all problems of {@link checkFacetConfig}.
 */
export async function readFacetConfig(path: string, options: CheckOptions = {}): Promise<FacetConfig> {
  const { config, problems } = await checkFacetConfig(path, options);
  if (config === undefined) throw invalidConfig(path, problems);
  return config;
}

/**
 * Reads `facet.yaml` and returns all its problems with their lines: wrong fields, settings that contradict each other, and
 * attributes that the catalog lacks. Invalid sections do not hide problems of the others.
 *
 * @returns no `config` if there are problems
 * @throws AppError `CONFIG_UNREADABLE`
 */
export async function checkFacetConfig(
  path: string,
  { catalogFolder }: CheckOptions = {},
): Promise<{ readonly config?: FacetConfig; readonly problems: readonly ConfigProblem[] }> {
  const { value, locate } = await readYamlFile(path);
  const fieldProblems = problemsOf(() => parseWith(FacetConfig, value, { source: path }), []);
  const invalid = new Set(fieldProblems.map((problem) => problem.path[0]));
  if (invalid.has(undefined)) return { problems: locate(fieldProblems) };
  const sections = Object.entries(value as object).filter(([name]) => !invalid.has(name));
  const config = parseWith(FacetConfig, Object.fromEntries(sections), { source: path });
  const contradictions = [
    ...findContradictions(config),
    ...(catalogFolder === undefined ? [] : await findAttributeProblems(config, catalogFolder)),
  ];
  // An invalid section counts as its defaults, which are not in the file.
  const found = contradictions.filter(
    (each) => ![each.path, ...(each.related ?? [])].some(([name]) => invalid.has(name)),
  );
  const problems = locate([...fieldProblems, ...found]).toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return problems.length === 0 ? { config, problems } : { problems };
}
