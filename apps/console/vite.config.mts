import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const folder = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Writes each file of text compressed as well, which the server then sends. */
const compressAssets = (): Plugin => ({
  name: 'compress-assets',
  async writeBundle({ dir = '' }, files) {
    for (const name of Object.keys(files).filter((file) => /\.(js|css)$/.test(file))) {
      await writeFile(join(dir, `${name}.gz`), gzipSync(await readFile(join(dir, name)), { level: 9 }));
    }
  },
});

/** Lists the packages of the page for its bill of materials, as locations in the lock file. */
const listPackages = (): Plugin => ({
  name: 'list-packages',
  async writeBundle({ dir = '' }, files) {
    const modules = Object.values(files).flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []));
    const found = modules.flatMap(
      (id) => /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [],
    );
    await writeFile(join(dir, '.packages.json'), JSON.stringify([...new Set(found)].sort()));
  },
});

/** Modules that every page needs. */
const commonModules =
  /page\/(api|shell)\/|console\/src\/|preload-helper|node_modules\/(react|react-dom|scheduler|openapi-fetch|use-sync-external-store|@tanstack\/(query-core|react-query|router-core|react-router|history|store|react-store))\//;

/** Builds the page of the console into `dist/page`. `npm run build` runs it when the page has changed. */
export default defineConfig({
  root: folder('page'),
  cacheDir: folder('../../node_modules/.cache/vite-console'),
  plugins: [react(), compressAssets(), listPackages()],
  resolve: { conditions: ['@facet/source', 'module', 'browser', 'production'], dedupe: ['react', 'react-dom'] },
  build: {
    outDir: folder('dist/page'),
    emptyOutDir: true,
    // A data URL would need an exception from the policy of the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2023',
    rolldownOptions: {
      checks: { pluginTimings: false },
      // Browsers load six files at a time, so that many small ones delay the first view.
      output: { codeSplitting: { groups: [{ name: 'common', test: commonModules }] } },
    },
  },
  // `npx vite apps/console` serves the page while you edit it. Start a console next to it.
  server: { proxy: { '/api': 'http://127.0.0.1:8085', '/session': 'http://127.0.0.1:8085' } },
});
