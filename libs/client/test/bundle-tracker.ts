import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** The tracker as a site's bundler makes it: one minified script for today's browsers. */
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
  if (output === undefined || !('output' in output)) throw new Error('vite made no bundle');
  return output.output[0].code;
}
