// Preloaded into serving processes: the first SIGURG starts a CPU profile, and the second one writes it.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

const folder = process.env['FACET_BENCH_PROFILES'] ?? '.';
let session: Session | undefined;
process.on('SIGURG', () => {
  if (session === undefined) {
    session = new Session();
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.start');
    return;
  }
  session.post('Profiler.stop', (_, { profile }) => {
    writeFileSync(join(folder, `serving-${process.pid}.cpuprofile`), JSON.stringify(profile));
  });
  session.disconnect();
  session = undefined;
});
