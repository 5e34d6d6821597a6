import { fieldOf, invalidConfig, parseWith, problemsOf, readYamlFile } from '@facet/platform';
import type { ConfigProblem, Logger } from '@facet/platform';
import { findAttributeProblems } from './checks/attributes.ts';
import { findContradictions } from './checks/contradictions.ts';
import { FacetConfig } from './facet-config.ts';
import { explainRemoved } from './removed-settings.ts';

interface CheckOptions {
  /** Checks the names of attributes, too. Default: no check. */
  readonly catalogFolder?: string;
}

interface CheckedConfig {
  /** Undefined if there are problems. */
  readonly config: FacetConfig | undefined;
  /** Wrong fields, and settings that contradict each other. */
  readonly problems: readonly ConfigProblem[];
  /** Attributes that the catalog lacks. The catalog may get or lose them at any time, so apps accept the file. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Reads `facet.yaml`. A missing file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE`; `CONFIG_INVALID` with all problems of {@link checkFacetConfig}.
 */
export async function readFacetConfig(path: string): Promise<FacetConfig> {
  const { config, problems } = await checkFacetConfig(path);
  if (config === undefined) throw invalidConfig(path, problems);
  return config;
}

/**
 * Reads `facet.yaml` and returns all its problems with their lines. Invalid sections do not hide problems of the others.
 *
 * @throws AppError `CONFIG_UNREADABLE`
 */
export async function checkFacetConfig(path: string, { catalogFolder }: CheckOptions = {}): Promise<CheckedConfig> {
  const now = Date.now();
  const { value, locate } = await readYamlFile(path);
  const fieldProblems = explainRemoved(problemsOf(() => parseWith(FacetConfig, value, { source: path }), []));
  const invalid = new Set(fieldProblems.map((problem) => problem.path[0]));
  if (invalid.has(undefined)) return { config: undefined, problems: locate(fieldProblems), warnings: [] };
  const sections = Object.entries(value as object).filter(([name]) => !invalid.has(name));
  const config = parseWith(FacetConfig, Object.fromEntries(sections), { source: path });
  // An invalid section counts as its defaults, which are not in the file.
  const found = findContradictions(config, now).filter(
    (each) => ![each.path, ...(each.related ?? [])].some(([name]) => invalid.has(name)),
  );
  const problems = byLine(locate([...fieldProblems, ...found]));
  const missing = catalogFolder === undefined ? [] : await findAttributeProblems(config, catalogFolder, now);
  return { config: problems.length === 0 ? config : undefined, problems, warnings: byLine(locate(missing)) };
}

/** The sections whose attributes a dataset contains, and a model learns from. */
const learnedSections: readonly (string | undefined)[] = ['features', 'popularity'];

/**
 * Refuses the attributes of `features` and `popularity.segments` that no item or user of the catalog has. A model would silently learn
 * without them.
 *
 * @throws AppError `CONFIG_INVALID` with their lines and probable names.
 */
export async function refuseAttributesMissingInCatalog(path: string, catalogFolder: string): Promise<void> {
  const { warnings } = await checkFacetConfig(path, { catalogFolder });
  const missing = warnings.filter((warning) => learnedSections.includes(warning.path[0]));
  if (missing.length > 0) throw invalidConfig(path, missing);
}

/** Returns problems in the order of their lines. */
export function byLine(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/**
 * Logs a warning for each attribute that `facet.yaml` names and the catalog lacks. Never rejects. It may read the whole catalog, so
 * apps do not wait for it.
 */
export async function warnOfMissingAttributes(
  path: string,
  { catalogFolder, logger }: { readonly catalogFolder: string; readonly logger: Logger },
): Promise<void> {
  try {
    const { warnings } = await checkFacetConfig(path, { catalogFolder });
    for (const { line, problem, remedy, ...field } of warnings) {
      logger.warn({ file: path, line, field: fieldOf(field), problem, remedy }, 'an attribute is not in the catalog');
    }
  } catch (error) {
    logger.warn({ err: error, catalogFolder }, 'cannot check the attributes that facet.yaml names');
  }
}
