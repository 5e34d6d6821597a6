/*
 * Reads `facet.yaml` and environment variables, and names the files of a data home.
 * Start with `readFacetConfig`, `resolveModel` and `homePaths`. `@facet/config/environment` reads the variables.
 * Imports no `@facet/runs`, no `@facet/stages` and no `@facet/http`: this lib only reads settings.
 */
export { usedItemAttributes } from './checks/attributes.ts';
export { findSplitProblems } from './checks/contradictions.ts';
export { FacetConfig } from './facet-config.ts';
export { describeConfig } from './facet-schema.ts';
export { gateBounds, gateCheckNames } from './gate-settings.ts';
export type { GateBounds, GateCheckName, GateSettings } from './gate-settings.ts';
export { homePaths } from './home-paths.ts';
export type { HomePaths } from './home-paths.ts';
export {
  byLine,
  checkFacetConfig,
  readFacetConfig,
  refuseAttributesMissingInCatalog,
  warnOfMissingAttributes,
} from './read-config.ts';
export { keepInterests, parseModelSettings, resolveModel } from './resolve-model.ts';
