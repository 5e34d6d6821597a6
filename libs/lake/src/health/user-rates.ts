import { minuteMs } from '@facet/platform';

/** A period in which a user was more active than a person can be. */
export interface SustainedRate {
  readonly user: number;
  readonly eventsPerMinuteMax: number;
}

/** A minute is busy with this many events of a user. */
export const busyEventsPerMinute = 30;
/** A rate is sustained over this many busy minutes in a row. A large order, booked in one minute, is not sustained. */
export const sustainedMinutes = 5;

/** A user with a larger share of all events is not a customer. */
export const suspiciousShare = 0.05;
/** With fewer users, large shares are normal. */
export const suspiciousUsersMin = 100;

/** Events beyond this number are ignored, because each takes 8 bytes. */
const eventsMax = 50_000_000;
/** Leaves room for minutes until the year 2225 next to a user number. */
const userFactor = 2 ** 27;

/** Finds users with a sustained rate of events. Events may come in any order. */
export class UserRates {
  #keys = new Float64Array(1 << 12);
  #count = 0;

  /** Adds an event. `user` is a dense number, `occurredAt` epoch milliseconds. */
  add(user: number, occurredAt: number): void {
    if (this.#count >= eventsMax) return;
    if (this.#count === this.#keys.length) {
      const larger = new Float64Array(this.#keys.length * 2);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    this.#keys[this.#count++] = user * userFactor + Math.min(Math.floor(occurredAt / minuteMs), userFactor - 1);
  }

  /** Returns the users with a sustained rate, by number. */
  sustained(): SustainedRate[] {
    const keys = this.#keys.slice(0, this.#count).sort();
    const found = new Map<number, number>();
    let run = 0;
    let runMax = 0;
    let lastBusy = Number.NaN;
    for (let start = 0, end = 0; start < keys.length; start = end) {
      const key = keys[start] as number;
      while (end < keys.length && keys[end] === key) end++;
      if (end - start < busyEventsPerMinute) continue;
      run = key === lastBusy + 1 ? run + 1 : 1;
      runMax = run === 1 ? end - start : Math.max(runMax, end - start);
      lastBusy = key;
      const user = Math.floor(key / userFactor);
      if (run >= sustainedMinutes) found.set(user, Math.max(found.get(user) ?? 0, runMax));
    }
    return [...found].map(([user, eventsPerMinuteMax]) => ({ user, eventsPerMinuteMax }));
  }
}
