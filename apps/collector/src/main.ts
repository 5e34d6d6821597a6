import { describeVariables } from '@facet/config/variables';
import { respondToArguments } from '@facet/platform/app-arguments';
import type { Command } from './run-collector.ts';

const help = `Collects events over HTTP and delivers them to the event lake, the catalog and the profiles.

  collector ingest   HTTP → Kafka. Responds 202 only after Kafka, or the spool on the local disk, has stored the events.
                     The spool is forwarded when Kafka is back.
  collector sink     Kafka → event lake, catalog, and profiles in Redis. Run up to one per partition.

Environment variables configure both. They take no arguments.

${describeVariables('ingest', 'sink')}

Send a first event, with Kafka on this machine:

  facet keys create --name shop --scope ingest
  collector ingest
  curl -i http://127.0.0.1:8081/v1/events -H 'content-type: application/json' -H 'x-api-key: …' \\
    -d '{"eventId":"e1","type":"click","userId":"ada","itemId":"book-7","occurredAt":"2026-01-31T12:00:00Z"}'

Exit codes: 0 stopped by SIGTERM or SIGINT, 1 unexpected failure, 2 invalid settings or arguments, 4 damaged data,
5 unusable port, folder or disk, 6 stopped consumer. See docs/collector.md.
`;

const commands: readonly Command[] = ['ingest', 'sink'];
const exitCode = respondToArguments(process.argv.slice(2), { name: 'collector', help, commands });
if (exitCode === undefined) {
  // Imported only now, so that help appears without delay.
  const { runCollector } = await import('./run-collector.ts');
  await runCollector(process.argv[2] as Command);
} else {
  process.exitCode = exitCode;
}
