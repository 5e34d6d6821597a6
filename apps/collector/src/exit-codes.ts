import { isAppError } from '@facet/platform/errors';

/** What a supervisor can tell from how the process ended; the numbers mean the same as those of the `facet` command. */
export const exitCodes = { failed: 1, badConfig: 2, badData: 4, serviceUnusable: 5, consumerStopped: 6 } as const;

const codeOfError: Readonly<Record<string, number>> = {
  CONFIG_INVALID: exitCodes.badConfig,
  CONFIG_UNREADABLE: exitCodes.badConfig,
  COLLECTOR_USAGE: exitCodes.badConfig,
  FEATURES_RULE_INVALID: exitCodes.badConfig,
  HTTP_KEYS_MISSING: exitCodes.badConfig,
  COLLECTOR_SPOOL_DAMAGED: exitCodes.badData,
  EVENTS_CATALOG_DAMAGED: exitCodes.badData,
  EVENTS_LAKE_DAMAGED: exitCodes.badData,
  COLLECTOR_SPOOL_LOCKED: exitCodes.serviceUnusable,
  COLLECTOR_SPOOL_UNWRITABLE: exitCodes.serviceUnusable,
  EVENTS_LAKE_UNWRITABLE: exitCodes.serviceUnusable,
  HTTP_ADDRESS_UNUSABLE: exitCodes.serviceUnusable,
  PROFILES_URL_INVALID: exitCodes.badConfig,
  SINK_CONSUMER_CRASHED: exitCodes.consumerStopped,
};

export function exitCodeOf(error: unknown): number {
  return isAppError(error) ? (codeOfError[error.code] ?? exitCodes.failed) : exitCodes.failed;
}
