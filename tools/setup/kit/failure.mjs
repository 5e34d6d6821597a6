/** A failure with a message for the user: what failed, what setup tried, and the remedy. */
export class SetupFailure extends Error {
  /**
   * @param {string} what
   * @param {{ tried?: string, remedy: string, logFile?: string, tail?: string[], cause?: unknown }} facts
   */
  constructor(what, facts) {
    super(what, { cause: facts.cause });
    this.name = 'SetupFailure';
    this.tried = facts.tried;
    this.remedy = facts.remedy;
    this.logFile = facts.logFile;
    this.tail = facts.tail ?? [];
  }
}

/** A command that did not start, or exited with a code other than 0. */
export class CommandFailure extends Error {
  /** @param {{ command: string, reason: string, logFile: string, tail: string[] }} facts */
  constructor(facts) {
    super(`${facts.command} (${facts.reason})`);
    this.name = 'CommandFailure';
    this.command = facts.command;
    this.reason = facts.reason;
    this.logFile = facts.logFile;
    this.tail = facts.tail;
  }
}

/** Thrown by the running step when the user stops the setup. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

const knownCauses = [
  {
    pattern: /no space left on device|ENOSPC|disk quota exceeded/i,
    remedy: (/** @type {string} */ cacheRoot) =>
      `The disk is full. Free some space, or set FACET_CACHE_DIR to a folder on a larger disk (now ${cacheRoot}), then run the same command again.`,
  },
  {
    pattern:
      /could not resolve|temporary failure in name resolution|name or service not known|unknown host|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network is unreachable|connection (refused|reset|timed out)|failed to establish a new connection|max retries exceeded|spurious network error|failed to fetch|SSL|certificate/i,
    remedy: () =>
      'The package registry could not be reached. Check the network, the proxy (HTTPS_PROXY) and the certificates (SSL_CERT_FILE, PIP_CERT, NODE_EXTRA_CA_CERTS), then run the same command again: finished parts are kept.',
  },
  {
    pattern: /killed signal terminated program|fatal error: killed|cannot allocate memory|virtual memory exhausted/i,
    remedy: () =>
      'The machine ran out of memory. Free 2 GB of memory (or add swap), then run the same command again: finished parts are kept.',
  },
];

/**
 * Converts an error of a step into the failure that setup prints.
 *
 * @param {string} step
 * @param {unknown} error
 * @param {{ cacheRoot: string, remedy: string }} context `remedy`: the remedy for an unknown cause.
 */
export function explainFailure(step, error, { cacheRoot, remedy }) {
  if (error instanceof SetupFailure || error instanceof Interrupted) return error;
  const message = error instanceof Error ? error.message : String(error);
  const tail = error instanceof CommandFailure ? error.tail : [];
  const known = knownCauses.find(({ pattern }) => pattern.test([message, ...tail].join('\n')));
  return new SetupFailure(`${step} failed`, {
    tried: message,
    remedy: known?.remedy(cacheRoot) ?? remedy,
    ...(error instanceof CommandFailure && { logFile: error.logFile, tail }),
    cause: error,
  });
}
