import { dayMs } from '@facet/platform';
import type { KafkaConnection } from './connect-kafka.ts';
import { parseDeadLetterRecord, parseObject, payloadBytes } from './dead-letters.ts';
import type { DeadLetter } from './dead-letters.ts';
import { unreachable } from './kafka-errors.ts';
import { fetchExtents } from './offsets.ts';
import { readRecords } from './read-records.ts';
import type { RawRecord } from './read-records.ts';
import { topics } from './topics.ts';
import type { TopicKey, TopicNames } from './topics.ts';

/** What a topic contains of a user. */
export interface UserInTopic {
  readonly topic: string;
  /** Records that contain the id of the user. */
  readonly records: number;
  /** Batches that could not be decoded, and may contain the id. */
  readonly undecodable: number;
  /** Epoch milliseconds of the newest of these records. */
  readonly newestAt: number;
  /** By when Kafka deletes all of them, epoch milliseconds; undefined if the settings of the topic set no time. */
  readonly deletedBy?: number | undefined;
}

export interface FindUserOptions {
  /** Ignores records received after this time, epoch milliseconds. */
  readonly until?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Reads a topic and finds the records whose key or content names a user. Returns `undefined` if the topic
 * has neither such records nor batches that cannot be decoded.
 *
 * @throws AppError as `readRecords`
 */
export async function findUserInTopic(
  kafka: KafkaConnection,
  topic: string,
  userId: string,
  { until = Infinity, signal, onProgress }: FindUserOptions = {},
): Promise<UserInTopic | undefined> {
  const extents = await fetchExtents(kafka, topic);
  const total = extents.reduce((sum, { start, end }) => sum + end - start, 0);
  const ranges = extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }));
  const read = new Map(ranges.map(({ partition, from }) => [partition, from]));
  let done = 0;
  let records = 0;
  let undecodable = 0;
  let newestAt = 0;
  for await (const batch of readRecords(kafka, { topic, ranges, signal })) {
    for (const record of batch.records) {
      if (record.undecodable !== undefined) undecodable++;
      if (!namesUser(record, userId) || receivedAtOf(record) > until) continue;
      records++;
      newestAt = Math.max(newestAt, record.timestampMs);
    }
    done += batch.next - (read.get(batch.partition) ?? batch.next);
    read.set(batch.partition, batch.next);
    onProgress?.(done, total);
  }
  if (records + undecodable === 0) return undefined;
  const keptMs = await longestKeptMs(kafka, topic);
  return { topic, records, undecodable, newestAt, deletedBy: keptMs === undefined ? undefined : newestAt + keptMs };
}

/** Returns the topics with records about users. */
export function topicsOfUsers(names: TopicNames): readonly string[] {
  return (Object.keys(names) as TopicKey[]).filter((key) => topics[key].namesUsers).map((key) => names[key]);
}

function namesUser({ key, value }: Pick<RawRecord, 'key' | 'value'>, userId: string): boolean {
  if (key?.toString() === userId) return true;
  const text = value?.toString() ?? '';
  // Most records of other users do not contain the id at all. JSON may escape its other characters.
  if (/^[\w.@-]+$/.test(userId) && !text.includes(userId) && !text.includes('"base64"')) return false;
  const content = parseObject(text);
  if (content === undefined) return text.includes(userId);
  if (content['userId'] === userId || content['key'] === userId) return true;
  if (typeof content['payload'] !== 'string') return false;
  const payload = payloadBytes(content as unknown as DeadLetter)!.toString();
  const dead = parseObject(payload);
  return dead === undefined ? payload.includes(userId) : dead['userId'] === userId;
}

/** Returns when the log received the message of a record. The sink may write a dead letter long after its message. */
function receivedAtOf(record: RawRecord): number {
  const entry = parseDeadLetterRecord(record);
  return entry !== undefined && 'letter' in entry ? entry.letter.timestamp : record.timestampMs;
}

/** The broker of a topic without this setting starts a new segment after a week. */
const segmentMsDefault = 7 * dayMs;

/**
 * Returns how long Kafka keeps a record at most: retention starts when the segment of the record is complete. A compacted topic
 * keeps a deleted key until compaction, and its null value for some time after that.
 */
async function longestKeptMs(kafka: KafkaConnection, topic: string): Promise<number | undefined> {
  try {
    const admin = await kafka.admin();
    const { resources } = await admin.describeConfigs({
      // 2 is the type of a topic in the protocol.
      resources: [{ type: 2, name: topic }],
      includeSynonyms: false,
    });
    const values = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
    const numericSetting = (name: string): number => Number(values.get(name) ?? Number.NaN);
    const isCompacted = values.get('cleanup.policy')?.includes('compact') === true;
    const keptMs = isCompacted
      ? numericSetting('max.compaction.lag.ms') + numericSetting('delete.retention.ms')
      : numericSetting('retention.ms');
    if (!(keptMs >= 0 && keptMs < Number.MAX_SAFE_INTEGER)) return undefined;
    return keptMs + (numericSetting('segment.ms') || segmentMsDefault);
  } catch (error) {
    throw unreachable(`The settings of ${topic} could not be read`, error);
  }
}
