import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hash } from './kit/cache.mjs';
import { runCommand } from './kit/command.mjs';
import { Interrupted } from './kit/failure.mjs';
import { withLock } from './kit/lock.mjs';
import * as pins from './pins.mjs';
import { ensureFaissAddon, ensureFaissLibrary } from './steps/faiss.mjs';
import { installAddons } from './steps/install.mjs';
import { ensureKafkaJars } from './steps/kafka.mjs';
import { checkDisk, checkPlatform, readCpuFlags } from './steps/machine.mjs';
import { installPackages, packagesMatchLock } from './steps/npm-packages.mjs';
import { takePrebuilt } from './steps/prebuilt.mjs';
import { findMissing, installMissing } from './steps/system-packages.mjs';
import { areServicesReady, hasS3Server, hasHostPrograms, isReady } from './plan.mjs';
import { ensureTensorflowAddon, ensureTensorflowLibrary } from './steps/tensorflow.mjs';
import { ensureVersitygw } from './steps/versitygw.mjs';

/**
 * @typedef {object} SetupOptions
 * @property {import('./kit/progress.mjs').Progress} progress
 * @property {AbortSignal} signal
 * @property {boolean} [services] Also what tests start: a broker, Redis, a browser.
 * @property {boolean} [s3] Also the S3 server that tests start, which takes minutes to compile.
 * @property {boolean} [hosts] Also what tests on several hosts need.
 * @property {import('./kit/command.mjs').CommandRunner} [run]
 */

/**
 * Makes a clone ready. What is there already is left alone, so that a run after a failure goes on where that one stopped.
 *
 * @param {import('./plan.mjs').Plan} plan
 * @param {SetupOptions} options
 */
export async function runSetup(plan, options) {
  const { progress, signal } = options;
  // One setup at a time in a clone: two runs of npm in one folder break each other.
  const lockFile = path.join(plan.cacheRoot, 'locks', hash(plan.root));
  let told = false;
  const onWait = (/** @type {string} */ holder) => {
    if (!told) progress.print(`  waiting for another setup of this clone (${holder})`);
    told = true;
  };
  await withLock(lockFile, { signal, onWait }, () => setUp(plan, options));
}

/**
 * @param {import('./plan.mjs').Plan} plan
 * @param {SetupOptions} options
 */
async function setUp(plan, { progress, signal, services = false, s3 = false, hosts = false, run = runCommand }) {
  const { cacheRoot, entries } = plan;
  const hasAddons = () => existsSync(entries.tensorflowAddon) && existsSync(entries.faissAddon);
  const needs = {
    addons: !isReady(plan),
    prebuilt: plan.prebuilt !== undefined && !hasAddons(),
    build: false,
    tensorflow: !existsSync(entries.tensorflowLibrary),
    services: services && !areServicesReady(plan),
    hosts: hosts && !hasHostPrograms(plan),
    kafka: services && !existsSync(plan.kafka),
    versitygw: s3 && !hasS3Server(plan),
  };
  checkPlatform({ platform: process.platform, arch: process.arch, cpuFlags: readCpuFlags() });
  if (needs.tensorflow || !hasAddons()) await checkDisk(cacheRoot, pins.diskMegabytes.cache, 'the native libraries');
  if (needs.kafka) await checkDisk(cacheRoot, pins.diskMegabytes.kafka, 'Kafka');
  if (needs.versitygw) await checkDisk(cacheRoot, pins.diskMegabytes.versitygw, 'the S3 server for tests');
  if (!existsSync(path.join(plan.root, 'node_modules'))) {
    await checkDisk(plan.root, pins.diskMegabytes.cloneWithoutPackages, 'the npm packages');
  }

  // The first failure stops what else is under way; the parts that are complete stay in the cache.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  /** @type {import('./steps/entry-step.mjs').SetupContext} */
  const context = { plan, run, signal: both };
  /**
   * @param {string} name
   * @param {(update: (detail: string) => void) => Promise<string | void>} work Returns what is worth saying about it.
   */
  const step = async (name, work) => {
    if (both.aborted) throw new Interrupted();
    const line = progress.start(name);
    try {
      line.done((await work(line.update)) || '');
    } catch (error) {
      stop.abort();
      if (error instanceof Interrupted) line.stopped();
      else line.failed();
      throw error;
    }
  };
  /**
   * @param {string} name
   * @param {(context: import('./steps/entry-step.mjs').SetupContext, update: (detail: string) => void) => Promise<{ made: boolean }>} ensure
   */
  const cached = (name, ensure) =>
    step(name, async (update) => ((await ensure(context, update)).made ? '' : 'from the cache'));

  if (needs.prebuilt) {
    await step('Prebuilt addons', async () =>
      (await takePrebuilt(context, plan.prebuilt ?? ''))
        ? ''
        : 'none for the sources of this clone, so setup compiles the addons',
    );
  }
  needs.build = !hasAddons();
  const missing = await findMissing(needs);
  if (missing.length > 0) {
    await step('System packages', async (update) => {
      const machine = { isRoot: process.getuid?.() === 0, hasApt: existsSync('/usr/bin/apt-get') };
      const installed = await installMissing(missing, { run, update, cacheRoot, signal: both, machine });
      return installed.join(' ');
    });
  }

  /** Node's packages, and the addons that some of them need. */
  const addons = () => {
    const packages = step('npm packages', async (update) => {
      if (packagesMatchLock(plan.root)) return 'in place';
      update('installing');
      // From here on this clone is not ready, whatever happens.
      await rm(plan.stampFile, { force: true });
      await installPackages(plan.root, { run, cacheRoot, signal: both });
      return '';
    });
    const tensorflow = Promise.all([
      cached(`TensorFlow ${pins.tensorflow.version}`, ensureTensorflowLibrary),
      packages,
    ]).then(() => cached('tfjs-node addon', ensureTensorflowAddon));
    // The addon contains the library.
    const faissLibrary = existsSync(entries.faissAddon) || cached(`Faiss ${pins.faiss.version}`, ensureFaissLibrary);
    const faiss = Promise.all([faissLibrary, packages]).then(() => cached('faiss-node addon', ensureFaissAddon));
    return [packages, tensorflow, faiss];
  };
  const results = await Promise.allSettled([
    ...(needs.addons ? addons() : []),
    ...(needs.services ? [cached(`Kafka ${pins.kafka.version}`, ensureKafkaJars)] : []),
    ...(needs.versitygw ? [cached(`S3 server ${pins.versitygw.version}`, ensureVersitygw)] : []),
  ]);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) throw failures.find((error) => !(error instanceof Interrupted)) ?? failures[0];

  if (needs.addons) await step('Addons in node_modules', async () => installAddons(context));
  if (needs.services) await writeFile(plan.servicesStampFile, plan.stamp);
}
