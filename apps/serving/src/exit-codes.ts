import { isAppError } from '@facet/platform';

/** What a supervisor can tell from how the process ended; the numbers mean the same as those of the `facet` command. */
export const exitCodes = { failed: 1, badConfig: 2, noUsableBundle: 4, addressUnusable: 5 } as const;

const codeOfError: Readonly<Record<string, number>> = {
  CONFIG_INVALID: exitCodes.badConfig,
  CONFIG_UNREADABLE: exitCodes.badConfig,
  HTTP_KEYS_MISSING: exitCodes.badConfig,
  PROFILES_URL_INVALID: exitCodes.badConfig,
  SERVING_NO_BUNDLE: exitCodes.noUsableBundle,
  ARTIFACT_NOT_FOUND: exitCodes.noUsableBundle,
  ARTIFACT_CORRUPT: exitCodes.noUsableBundle,
  BUNDLE_INVALID: exitCodes.noUsableBundle,
  BUNDLE_DRIFTED: exitCodes.noUsableBundle,
  BUNDLE_ANSWERS_WRONG: exitCodes.noUsableBundle,
  RETRIEVAL_INDEX_UNREADABLE: exitCodes.noUsableBundle,
  HTTP_ADDRESS_UNUSABLE: exitCodes.addressUnusable,
};

export function exitCodeOf(error: unknown): number {
  return isAppError(error) ? (codeOfError[error.code] ?? exitCodes.failed) : exitCodes.failed;
}
