import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installPython, pythonFile } from './python-packages.ts';

/** An API to test, with its OpenAPI document. */
interface TestedApi {
  readonly url: string;
  readonly apiKey: string;
  /** The path of the OpenAPI document, in a temporary folder. */
  readonly document: string;
}

/** Responses of these kinds are failures: 5xx, and whatever the document does not describe. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

/** Sends requests that schemathesis generates from the document of the API. The first call installs the program, a Python package. */
export async function runSchemathesis(
  { url, apiKey, document }: TestedApi,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
) {
  const programs = await installPython('schemathesis');
  const args = ['run', document, '--url', url, '--header', `x-api-key: ${apiKey}`, '--checks', checks.join(',')];
  args.push('--phases', 'examples,coverage,fuzzing', '--max-time', String(seconds), '--seed', String(seed));
  args.push('--continue-on-failure', '--no-color');
  // The stream of a refresh ends with the refresh.
  args.push('--exclude-path-regex', '/refreshes/.+/events$');
  const child = spawn(join(programs, 'schemathesis'), args, {
    // It writes control characters for any value of FORCE_COLOR, also 0.
    env: { ...process.env, FORCE_COLOR: undefined, SCHEMATHESIS_HOOKS: pythonFile('json_lines.py') },
    // It writes a cache into the working directory.
    cwd: dirname(document),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>]);
  const cases = Number(/(\d+) generated/.exec(output)?.[1] ?? 0);
  return { isPassed: code === 0 && cases > 0, cases, /** What the program printed. */ output };
}
