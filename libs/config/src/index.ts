export { FacetConfig, keepInterests, parseModelSettings, readFacetConfig, resolveModel } from './facet-config.ts';
export type { GateSettings } from './gate-settings.ts';
export { homePaths } from './home-paths.ts';
export type { HomePaths } from './home-paths.ts';
