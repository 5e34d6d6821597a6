import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { copyWorkspace, forTest } from '@facet/testing';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { dockerfile, stepsOf } from './dockerfile.ts';

const workspace = fileURLToPath(new URL('../../../', import.meta.url));
const composeFile = `${workspace}infra/compose.yaml`;

interface Service {
  readonly image: string;
  readonly build?: { readonly args: { readonly APP: string } };
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly profiles?: readonly string[];
}

const compose = parse(readFileSync(composeFile, 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

it('the Dockerfile is valid, and does not run as root', () => {
  expect(validate(dockerfile)).toEqual([]);
  const runtime = stepsOf('runtime');
  expect(runtime.filter(({ instruction }) => instruction === 'USER').map(({ content }) => content)).toEqual([
    '1000:1000',
  ]);
  const copied = runtime.filter(({ instruction }) => instruction === 'COPY').map(({ content }) => content);
  expect(copied).toEqual(['/packed/$APP /app']);
});

it('the images use the version of Node that the docs recommend and CI tests', () => {
  const read = (file: string): string => readFileSync(workspace + file, 'utf8');
  const recommended = read('.nvmrc').trim();
  expect([...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, version]) => version)).toEqual([
    recommended,
    recommended,
  ]);
  expect(read('docs/operations.md')).toContain(`Use Node ${recommended}, as the images do.`);
  const ci = parse(read('.github/workflows/ci.yml')) as {
    readonly jobs: { readonly test: { readonly strategy: { readonly matrix: { readonly node: readonly number[] } } } };
  };
  expect(ci.jobs.test.strategy.matrix.node).toContain(Number(recommended));
});

it('the compose file matches the schema of Compose', () => {
  // Disables style rules about order and quotes, and the rule against naming locally built images.
  const off = ['no-build-and-image', 'no-quotes-in-volumes', 'services-alphabetical-order'];
  off.push('service-keys-order', 'top-level-properties-order');
  const linter = new DCLinter({ rules: Object.fromEntries(off.map((name) => [name, 0])) });
  // The type declarations of the linter do not resolve in ES modules.
  const results = linter.lintFiles([composeFile], false) as { messages: { line: number; message: string }[] }[];
  expect(results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`))).toEqual([]);
});

it(
  'the commands of the README begin with setup, create readable keys, and use existing files and services',
  { tags: 'full' },
  () => {
    const [, block = ''] = /```sh\n([^]*?)```/.exec(readFileSync(`${workspace}infra/README.md`, 'utf8')) ?? [];
    const commands = block.trim().split('\n');
    expect(commands[0]).toMatch(/^npm run setup /);
    const copy = forTest(copyWorkspace());
    for (const command of commands) {
      const [, subcommand = ''] = /^docker compose -f infra\/compose\.yaml (.*?) *(#|$)/.exec(command) ?? [];
      if (subcommand === '') execFileSync('sh', ['-ec', command], { cwd: copy.folder });
      else if (subcommand.startsWith('run')) expect(compose.services).toHaveProperty(subcommand.split(' ')[2]!);
      else expect(['build', 'up -d']).toContain(subcommand);
    }
    expect(statSync(`${copy.folder}/infra/keys/keys.yaml`).mode & 0o777).toBe(0o644);
  },
);

it('compose runs all apps with limits and declared volumes', () => {
  const built = services.flatMap(([, { build }]) => build?.args.APP ?? []);
  expect([...new Set(built)].sort()).toEqual(readdirSync(`${workspace}apps`).sort());
  for (const [name, service] of services) {
    if (service.profiles !== undefined) continue;
    expect([name, service.mem_limit, service.stop_grace_period]).toEqual([
      name,
      expect.any(String),
      expect.any(String),
    ]);
    const named = (service.volumes ?? []).filter((volume) => !volume.startsWith('${FACET_KEYS_FOLDER'));
    for (const volume of named) {
      expect(Object.keys(compose.volumes), `${name}: ${volume}`).toContain(volume.split(':')[0]);
    }
  }
});

it('compose and the image set only variables that the apps read', () => {
  const read = ['apps', 'libs']
    .flatMap((parent) =>
      readdirSync(`${workspace}${parent}`, { recursive: true, encoding: 'utf8' }).map((file) => `${parent}/${file}`),
    )
    .filter((file) => /\/src\/.*\.ts$/.test(file) && !file.includes('node_modules'))
    .map((file) => readFileSync(workspace + file, 'utf8'))
    .join('\n');
  const inCompose = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
  const inImage = stepsOf('runtime').flatMap(({ instruction, content }) =>
    instruction === 'ENV' ? [...content.matchAll(/(FACET_\w+)=/g)].map(([, name]) => name!) : [],
  );
  for (const name of [...inCompose, ...inImage].filter((one) => one.startsWith('FACET_'))) {
    expect(read, name).toMatch(new RegExp(`\\b${name}\\b`));
  }
});
