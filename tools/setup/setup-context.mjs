/**
 * What every step is given.
 *
 * @typedef {object} SetupContext
 * @property {import('./plan.mjs').Plan} plan
 * @property {import('./kit/command.mjs').CommandRunner} run
 * @property {AbortSignal} signal Aborted when the user stops the setup, or when another step has failed.
 */
export {};
