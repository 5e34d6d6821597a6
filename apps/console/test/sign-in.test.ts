import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { keys, startStack } from './stack.ts';

const marker = { 'x-facet-console': '1' };

beforeAll(startStack);

async function createLink(): Promise<string> {
  const { url } = await startStack();
  const response = await fetch(`${url}/session/codes`, { method: 'POST', headers: { 'x-api-key': keys.team } });
  const { code } = (await response.json()) as { code: string };
  return `/#code=${code}`;
}

it('a link signs in once, and its code leaves the address', async () => {
  const link = await createLink();
  const page = await openPage({ path: link, key: undefined });
  await page.getByRole('heading', { name: 'Explore' }).waitFor();
  expect(page.url()).not.toContain('code');
  await page.reload();
  await page.getByRole('heading', { name: 'Explore' }).waitFor();

  const second = await openPage({ path: link, key: undefined, allowErrors: /401/ });
  await second.getByText('The link was used or is too old. Get a new link with facet open.').waitFor();
});

it('a user signs in with an API key and signs out', async () => {
  const page = await openPage({ path: '/health', key: undefined, allowErrors: /401|403/ });
  await page.getByLabel('API key').fill('facet_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The API key is not known.').waitFor();
  await page.getByLabel('API key').fill(keys.serve);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Health' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
  await page.reload();
  await page.getByLabel('API key').waitFor();
});

it('says when a user could not be signed out', { tags: 'full' }, async () => {
  const page = await openPage({ path: '/health', allowErrors: /500/ });
  const refuse = { status: 500, json: { message: 'The disk is full.' } };
  await page.route('**/session', (route) =>
    route.request().method() === 'DELETE' ? route.fulfill(refuse) : route.continue(),
  );
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are still signed in. The disk is full.').waitFor();
});

it('the view for signing in is accessible and fits a phone', { tags: 'full' }, async () => {
  const page = await openPage({ key: undefined, width: 360 });
  await page.getByLabel('API key').waitFor();
  await expectAccessible(page);
  await expectFits(page);
});

it('the session cookie is hidden from scripts, stays on this site, and contains no readable key', async () => {
  const { url } = await startStack();
  const response = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { ...marker, 'content-type': 'application/json' },
    body: JSON.stringify({ key: keys.serve }),
  });
  const cookie = response.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
  expect(cookie).toMatch(/; Max-Age=43200; Path=\//);
  expect(cookie).not.toContain(keys.serve);
});

it('a request that changes something needs the header that other sites cannot send', async () => {
  const { url } = await startStack();
  const body = JSON.stringify({ key: keys.serve });
  const type = { 'content-type': 'application/json' };
  const send = async (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/session`, { method: 'POST', headers: { ...type, ...headers }, body });
  expect((await send({})).status).toBe(403);
  const cookie = (await send(marker)).headers.get('set-cookie')!.split(';')[0]!;
  const recommend = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${url}/api/serving/v1/interests`, { method: 'POST', headers: { ...type, ...headers }, body: '{}' }))
      .status;
  expect(await recommend({ cookie })).toBe(403);
  expect(await recommend({ cookie, ...marker })).toBe(200);
});

it('a key reaches only what its scopes allow', async () => {
  const { url } = await startStack();
  const status = async (key: string, path: string): Promise<number> =>
    (await fetch(`${url}/api/serving${path}`, { headers: { 'x-api-key': key } })).status;
  expect(await status(keys.serve, '/v1/bundles')).toBe(403);
  expect(await status(keys.admin, '/v1/bundles')).toBe(200);
  expect(await status(keys.serve, '/docs/json')).toBe(200);
});
