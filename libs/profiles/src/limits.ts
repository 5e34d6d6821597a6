/** Positives kept of a user unless told otherwise: several times what the longest sequence of a model reads. */
export const eventsMaxDefault = 500;

/** Sessions that a user is looked for in, those last identified first: each costs two commands when a profile is read. */
export const sessionsMax = 100;

/** Logins that a session remembers. More come from a client that identifies on every page. */
export const identitiesMax = 100;
