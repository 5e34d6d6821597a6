// Server that only blocks its thread for a fixed time per request, as a baseline for queueing delay. Arguments: milliseconds and
// response bytes. Prints its address and ends with its standard input.
import { createServer } from 'node:http';

const busyMs = Number(process.argv[2]);
const body = Buffer.alloc(Number(process.argv[3]), ' ');

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const until = performance.now() + busyMs;
    while (performance.now() < until);
    response.setHeader('content-length', body.length).end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
process.stdin.resume().once('end', () => process.exit());
