import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { requireService } from '@facet/local-services';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { keys, startStack } from './stack.ts';
import type { KeyName } from './stack.ts';

let browser: Promise<Browser> | undefined;

const browserArgs = ['--no-sandbox', '--disable-dev-shm-usage'];

/** Starts one Chromium for all test files. It ends with this process. */
function startBrowser(): Promise<Browser> {
  return (browser ??= chromium.launch({ executablePath: requireService('chromium'), args: browserArgs }));
}

export interface OpenOptions {
  /** Path and search, such as `/explore?user=u1`. */
  readonly path?: string;
  /** Signs in with this key. `undefined` opens the page without a session. Default: `team`. */
  readonly key?: KeyName | undefined;
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** The console. Default: that of the test stack. */
  readonly url?: string;
  /**
   * Errors that the test provokes. All others fail it, and so do violations of the content security policy. A 503 is always
   * allowed: on a machine that is busy with other programs, serving refuses some requests, and the page repeats them.
   */
  readonly allowErrors?: RegExp;
}

/** Opens a page of the console in a new session. At the end, the test fails if the browser's console has errors. */
export async function openPage(options: OpenOptions = {}): Promise<Page> {
  const { path = '/', width = 1280, colorScheme = 'light', allowErrors } = options;
  const key = 'key' in options ? options.key : 'team';
  const url = options.url ?? (await startStack()).url;
  const context = await (await startBrowser()).newContext({ viewport: { width, height: 800 }, colorScheme });
  context.setDefaultTimeout(240_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  onTestFinished(async () => {
    await context.close();
    expect(errors.filter((error) => !/\b503\b/.test(error) && allowErrors?.test(error) !== true)).toEqual([]);
  });
  if (key !== undefined) {
    const data = { key: keys[key] };
    const response = await context.request.post(`${url}/session`, { headers: { 'x-facet-console': '1' }, data });
    expect(response.status()).toBe(200);
  }
  await page.goto(url + path);
  return page;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Checks WCAG 2.2 AA and the best practices of axe with the light color scheme, and the rules about colors with the dark one. */
export async function expectAccessible(page: Page): Promise<void> {
  const schemes = { light: {}, dark: { runOnly: ['color-contrast', 'link-in-text-block'] } };
  for (const [colorScheme, options] of Object.entries(schemes) as ['light' | 'dark', object][]) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axeSource);
    const violations = await page.evaluate(async (options) => {
      const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } };
      interface Violation {
        readonly id: string;
        readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
      }
      return (await axe.run({ ...options, resultTypes: ['violations'] })).violations.map(({ id, nodes }) => ({
        id,
        nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html.slice(0, 200)}\n${failureSummary ?? ''}`),
      }));
    }, options);
    expect(violations, colorScheme).toEqual([]);
  }
}

/** Fails if the page stays wider than the window, so that a person must scroll sideways. */
export async function expectFits(page: Page): Promise<void> {
  const excess = () => page.locator('html').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  await expect.poll(excess).toBeLessThanOrEqual(0);
}

/** Runs JavaScript in the page, with the 2D context of a canvas that shows a picture as `context`, and returns its result. */
export async function withPicture<Result>(page: Page, png: Buffer, script: string): Promise<Result> {
  return page.evaluate(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${png.toString('base64')}';
    await image.decode();
    const { width, height } = image;
    const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
    context.drawImage(image, 0, 0);
    ${script}
  })()`);
}
