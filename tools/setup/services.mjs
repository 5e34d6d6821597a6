import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCacheRoot, hash } from './kit/cache.mjs';
import { kafka, versitygw } from './pins.mjs';

const kafkaFolder = fileURLToPath(new URL('kafka/', import.meta.url));

/** The Maven project of the broker's jars, and their SHA-256 checksums. */
export const kafkaSources = {
  pomFile: path.join(kafkaFolder, 'pom.xml'),
  checksumsFile: path.join(kafkaFolder, 'jars.sha256'),
};

/**
 * Returns the cache folder of the broker's jars, which may not exist yet.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function kafkaEntry(env) {
  const key = hash([kafkaSources.pomFile, kafkaSources.checksumsFile].map((file) => readFileSync(file, 'utf8')));
  return path.join(findCacheRoot(env), `kafka-${kafka.version}-${key}`);
}

/**
 * Returns the cache folder of the S3 server, which may not exist yet.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function versitygwEntry(env) {
  return path.join(findCacheRoot(env), `versitygw-${versitygw.version}-${hash(versitygw)}`);
}

/**
 * Returns the absolute paths of the programs that tests start, or `undefined` for missing ones.
 * `node tools/setup/setup.mjs --services --s3` installs all of them.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function findServices(env) {
  const kafkaJars = path.join(kafkaEntry(env), 'lib');
  const s3Server = path.join(versitygwEntry(env), 'bin', 'versitygw');
  return {
    kafkaJars: existsSync(kafkaJars) ? kafkaJars : undefined,
    java: findProgram(env, ['java']),
    redisServer: findProgram(env, ['redis-server']),
    openssl: findProgram(env, ['openssl']),
    chromium: findProgram(env, ['chromium', 'chromium-browser', 'google-chrome']),
    promtool: findProgram(env, ['promtool']),
    s3Server: isExecutable(s3Server) ? s3Server : undefined,
  };
}

/**
 * Returns the absolute paths of the programs of `npm run test:scale -- cluster`, or `undefined` for missing ones.
 * `node tools/setup/setup.mjs --hosts` installs them.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function findHostPrograms(env) {
  return { ip: findProgram(env, ['ip']), haproxy: findProgram(env, ['haproxy']) };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} names The first one found is taken.
 */
function findProgram(env, names) {
  const folders = [...(env['PATH'] ?? '').split(path.delimiter), '/usr/sbin'].filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isExecutable);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
