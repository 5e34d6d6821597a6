import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** Bundles the tracker as a site does: one minified script for current browsers. */
export async function bundleTracker(format: 'es' | 'iife'): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      target: 'es2022',
      minify: true,
      write: false,
      lib: {
        entry: fileURLToPath(new URL('../src/browser/index.ts', import.meta.url)),
        formats: [format],
        name: 'facet',
      },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !('output' in output)) throw new Error('vite returned no bundle');
  return output.output[0].code;
}
