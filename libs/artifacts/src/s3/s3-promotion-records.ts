import type { Bucket } from '@facet/platform/s3';
import { isRecordName } from '../promotions/promotion-log.ts';
import type { PromotionRecords } from '../promotions/promotion-log.ts';

const promotionsPrefix = 'promotions/';

/**
 * Stores promotion records in a bucket. Records never change, so each is read once, and only later ones are listed again.
 *
 * @param onList Called at the start of each listing, which does not wait for it.
 */
export function s3PromotionRecords(bucket: Bucket, onList: () => Promise<void>): PromotionRecords {
  const texts = new Map<string, string>();
  const known: string[] = [];
  return {
    async names() {
      void onList();
      const after = known.at(-1);
      const found = await bucket.list(promotionsPrefix, after === undefined ? {} : { after: promotionsPrefix + after });
      const names = found.map(({ key }) => key.slice(promotionsPrefix.length));
      // Another call may have listed them in the meantime.
      const newest = known.at(-1) ?? '';
      known.push(...names.filter((name) => isRecordName(name) && name > newest).sort());
      return [...known];
    },
    async read(name) {
      const read = texts.get(name);
      if (read !== undefined) return read;
      const text = (await bucket.get(promotionsPrefix + name))?.text;
      if (text !== undefined) texts.set(name, text);
      return text;
    },
    create: async (name, text) => (await bucket.put(promotionsPrefix + name, text, 'absent')) !== undefined,
  };
}
