/** A stretch of minutes in which a user was busier than people are. */
export interface SustainedRate {
  readonly user: number;
  readonly eventsPerMinuteMax: number;
}

/** Busy is this many events in a minute … */
export const busyEventsPerMinute = 30;
/** … and sustained is this many such minutes in a row. A basket booked in one minute is neither. */
export const sustainedMinutes = 5;

/** One user with more of all events than this is no customer. */
export const suspiciousShare = 0.05;
/** With fewer users, a large share is only a small data set. */
export const suspiciousUsersMin = 100;

/** Beyond this many events rates are no longer followed: 8 bytes each. */
const eventsMax = 50_000_000;
const minuteMs = 60_000;
/** Room for minutes until the year 2225 beside a user number. */
const userFactor = 2 ** 27;

/** Collects who was active in which minute; events may come in any order. */
export class UserRates {
  #keys = new Float64Array(1 << 12);
  #count = 0;

  /** `user` is a dense number, `occurredAt` epoch milliseconds. */
  add(user: number, occurredAt: number): void {
    if (this.#count >= eventsMax) return;
    if (this.#count === this.#keys.length) {
      const larger = new Float64Array(this.#keys.length * 2);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    this.#keys[this.#count++] = user * userFactor + Math.min(Math.floor(occurredAt / minuteMs), userFactor - 1);
  }

  /** The users with a sustained rate, each once, in order of their number. */
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
