import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withDuckDb } from '../../src/duckdb.ts';
import { findSuspiciousUsers } from '../../src/health/measure-day.ts';
import { UserRates } from '../../src/health/user-rates.ts';

it('finds the same sustained rates as the validation report', async () => {
  const minutes = fc.array(fc.integer({ min: 27, max: 33 }), { minLength: 3, maxLength: 12 });
  await withDuckDb({}, async (connection) => {
    await fc.assert(
      fc.asyncProperty(fc.array(minutes, { minLength: 20, maxLength: 20 }), async (users) => {
        const rates = new UserRates();
        users.forEach((counts, user) =>
          counts.forEach((count, minute) => {
            for (let second = 0; second < count; second++) rates.add(user, minute * 60_000 + second * 1000);
          }),
        );
        const rows = users.flatMap((counts, user) => counts.map((count, minute) => `(${user}, ${minute}, ${count})`));
        await connection.run(
          `CREATE OR REPLACE TEMP TABLE day AS SELECT user::VARCHAR AS who, minute * 60000 + 1000 * unnest(range(count)) AS occurredMs
           FROM (VALUES ${rows.join(', ')}) AS counts(user, minute, count)`,
        );
        const { examples } = await findSuspiciousUsers(connection, { noSleepHours: 24, events: 1e6 });
        const found = examples.map(({ userId, eventsPerMinuteMax }) => ({ user: Number(userId), eventsPerMinuteMax }));
        expect(found.sort((a, b) => a.user - b.user)).toEqual(rates.sustained());
      }),
      { numRuns: 12 },
    );
  });
});
