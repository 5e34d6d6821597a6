import { connectKafka, openKafkaPublisher, topicNames } from '@facet/kafka';
import { createHttpMetrics } from '@facet/http';
import { createLogger } from '@facet/platform';
import { createSinkApp } from '../sink/sink-app.ts';

/** Returns the OpenAPI document of the sink's `/docs/json`. Needs no broker. */
export async function describeApi(): Promise<Record<string, unknown>> {
  const unused = (): never => {
    throw new Error('The description calls no route.');
  };
  const logger = createLogger({ name: 'openapi', level: 'silent' });
  const kafka = connectKafka({ brokers: ['127.0.0.1:1'], clientId: 'openapi', logger });
  const publisher = openKafkaPublisher(kafka, { closeTimeoutMs: 1 });
  const app = await createSinkApp(
    {
      logger,
      metrics: createHttpMetrics(),
      readState: unused,
      dataHealth: { read: unused },
      lakeFolder: 'none',
      kafka,
      publisher,
      topics: topicNames('facet'),
      eventTypes: [],
      now: () => 0,
    },
    { access: { kind: 'anybody' }, stallMs: 0, groupStallMs: 0 },
  );
  try {
    return (await app.inject('/docs/json')).json();
  } finally {
    await app.close();
    await publisher.close();
    await kafka.close();
  }
}
