import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createScratchFolder, findFreePorts, requireService, startServer } from './server-process.ts';

/** The name of the response header with the process that responded, such as `s2`. */
export const responderHeader = 'x-responder';

/** As docs/connections.md recommends: a health check every second, and one retry of a failed connection, on another process. */
const defaults = `
defaults
  mode http
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
  retries 1
  option redispatch 1
  timeout connect 1s
  timeout check 1s
  timeout client 60s
  timeout server 10s
`;

/**
 * Starts HAProxy on 127.0.0.1 in front of services, each a list of addresses such as `http://10.0.0.1:80` that take requests
 * in turn. The kernel kills it when this process ends for any reason. Returns the address of each service.
 */
export async function startHttpProxy(services: readonly (readonly string[])[]) {
  const program = requireService('haproxy');
  const ports = await findFreePorts(services.length);
  const scratch = await createScratchFolder('proxy');
  const configFile = path.join(scratch.path, 'haproxy.cfg');
  const listeners = services.flatMap((urls, index) => [
    `listen service-${index}`,
    `  bind 127.0.0.1:${ports[index]}`,
    `  http-response set-header ${responderHeader} %s`,
    ...urls.map((url, number) => `  server s${number + 1} ${new URL(url).host}`),
    '',
  ]);
  await writeFile(configFile, `${defaults}\n${listeners.join('\n')}`);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  await startServer(scratch, {
    name: 'HAProxy',
    command: [program, '-db', '-f', configFile],
    isReady: async () => (await Promise.all(urls.map((url) => fetch(`${url}/readyz`)))).every(({ ok }) => ok),
  });
  return urls;
}
