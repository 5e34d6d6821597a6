import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireService } from '@facet/local-services';
import { readYamlFile } from '@facet/platform';
import { expect, test } from 'vitest';

const workspace = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(workspace, 'infra/alerts');
const files = readdirSync(folder);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RulesFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface TestsFile {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
  }[];
}

async function readAll<Content>(ending: string): Promise<Content[]> {
  const names = files.filter((name) => name.endsWith(ending));
  return Promise.all(names.map(async (name) => (await readYamlFile(join(folder, name))).value as Content));
}

async function readRules(): Promise<readonly Rule[]> {
  const read = await readAll<RulesFile>('.rules.yml');
  return read.flatMap(({ groups }) => groups).flatMap(({ rules }) => rules);
}

/** Returns the output of promtool, which fails for an invalid rule. */
async function promtool(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(requireService('promtool'), args, { cwd: folder });
  return stdout;
}

test('Prometheus accepts the alert rules', async () => {
  const rules = files.filter((name) => name.endsWith('.rules.yml'));
  expect(rules).toContain('refresh.rules.yml');
  expect(await promtool('check', 'rules', ...rules)).not.toMatch(/FAILED/);
});

test.each(files.filter((name) => name.endsWith('.test.yml')))('%s: alerts fire as specified', async (file) => {
  expect(await promtool('test', 'rules', file)).toMatch(/SUCCESS/);
});

test('each alert fires in a test', async () => {
  const tests = (await readAll<TestsFile>('.test.yml')).flatMap((file) => file.tests);
  const expected = tests.flatMap(({ alert_rule_test: alerts }) => alerts);
  const fired = expected.filter(({ exp_alerts: alerts }) => alerts.length > 0).map(({ alertname }) => alertname);
  const alerts = (await readRules()).map(({ alert }) => alert);
  expect(alerts).toContain('FacetProcessDown');
  expect(alerts.filter((alert) => !fired.includes(alert))).toEqual([]);
});

/** Returns the anchors of the headings of a page, such as `docs/serving.md#guardrails`. */
function anchorsOf(page: string): string[] {
  const headings = readFileSync(join(workspace, page), 'utf8').match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) => {
    const words = heading.replace(/^#+ /, '').toLowerCase();
    return `${page}#${words.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')}`;
  });
}

test('each alert has a severity, what happened, what to do, and a section that explains it', async () => {
  for (const { alert, labels, annotations } of await readRules()) {
    expect(['warning', 'critical'], alert).toContain(labels['severity']);
    expect(Object.keys(annotations).sort(), alert).toEqual(['description', 'runbook', 'summary']);
    const runbook = annotations['runbook']!;
    expect(anchorsOf(runbook.split('#')[0]!), alert).toContain(runbook);
  }
});

test('the pages name no other alerts', async () => {
  const alerts = (await readRules()).map(({ alert }) => alert);
  const pages = readdirSync(join(workspace, 'docs')).filter((name) => name.endsWith('.md'));
  const named = pages.flatMap((page) => {
    const text = readFileSync(join(workspace, 'docs', page), 'utf8');
    return [...text.matchAll(/alerts? `(Facet\w+)`/g)].map(([, name]) => name);
  });
  expect(named).toContain('FacetBundleNotLoaded');
  expect(named.filter((name) => !alerts.includes(name!))).toEqual([]);
});

test('the code defines each metric of the rules, of the documentation and of the programs that read metrics', async () => {
  const sources = ['apps', 'libs'].flatMap((parent) =>
    readdirSync(join(workspace, parent)).flatMap((project) => {
      const source = join(workspace, parent, project, 'src');
      const names = readdirSync(source, { encoding: 'utf8', recursive: true });
      return names.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(join(source, name), 'utf8'));
    }),
  );
  /** Finds `name: 'facet_sink_lag'`, and `lag` in a file that adds names to `facet_sink_`. */
  const isDefined = (metric: string): boolean =>
    sources.some((text) => {
      const prefixes = text.match(/\bfacet_\w+_(?=\$\{|')/g) ?? [];
      const endings = prefixes.filter((prefix) => metric.startsWith(prefix)).map(({ length }) => metric.slice(length));
      return (
        text.includes(`name: '${metric}'`) || endings.some((ending) => new RegExp(`\\b${ending}\\b['":]`).test(text))
      );
    });
  const pages = readdirSync(join(workspace, 'docs')).filter((name) => name.endsWith('.md'));
  const console = readdirSync(join(workspace, 'apps/console/page'), { encoding: 'utf8', recursive: true });
  const readers = [
    'apps/cli/src/status/apps.ts',
    'apps/serving/src/routes/trends.ts',
    ...console.filter((name) => /\.tsx?$/.test(name)).map((name) => join('apps/console/page', name)),
  ];
  const texts = [
    ...readers.map((name) => readFileSync(join(workspace, name), 'utf8')),
    ...(await readRules()).map((rule) => JSON.stringify(rule)),
    ...pages.map((name) => readFileSync(join(workspace, 'docs', name), 'utf8')),
  ];
  const named = texts.flatMap((text) => text.match(/\bfacet_\w+(?<!_)\b/g) ?? []);
  const metrics = new Set(named.map((name) => name.replace(/_(bucket|count|sum)$/, '')));
  expect(metrics).toContain('facet_sink_lag');
  expect([...metrics].filter((metric) => !isDefined(metric))).toEqual([]);
});
