// A server that is as busy for each request as serving is on its thread, and does nothing else: what queueing alone costs. Its
// parent gives the milliseconds and the bytes of an answer. It is started without the loader of TypeScript, so this is JavaScript.
import { createServer } from 'node:http';

const busyMs = Number(process.argv[2]);
const answer = Buffer.alloc(Number(process.argv[3]), ' ');

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const until = performance.now() + busyMs;
    while (performance.now() < until);
    response.setHeader('content-length', answer.length).end(answer);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
process.once('disconnect', () => process.exit());
