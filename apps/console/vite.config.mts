import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const folder = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Builds the page of the console into `dist/page`. `npm run build` runs it when the page has changed. */
export default defineConfig({
  root: folder('page'),
  cacheDir: folder('../../node_modules/.cache/vite-console'),
  plugins: [react()],
  resolve: { conditions: ['@facet/source', 'module', 'browser', 'production'], dedupe: ['react', 'react-dom'] },
  build: {
    outDir: folder('dist/page'),
    emptyOutDir: true,
    // A data URL would need an exception from the policy of the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2023',
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // `npx vite apps/console` serves the page while you edit it. Start a console next to it.
  server: { proxy: { '/api': 'http://127.0.0.1:8085', '/session': 'http://127.0.0.1:8085' } },
});
