/** Generated from openapi/sink.json by `npm run openapi`. Do not edit. */

export interface paths {
  readonly '/metrics': {
    /** Read the metrics in the Prometheus text format */
    readonly get: operations['readMetrics'];
  };
  readonly '/healthz': {
    /** Check whether the process is alive */
    readonly get: operations['checkAlive'];
  };
  readonly '/readyz': {
    /** Reports whether the sink is a member of the consumer group and all its dependencies work */
    readonly get: operations['checkReady'];
  };
  readonly '/v1/status': {
    /** Reports the progress of the sink and the dependencies that it waits for */
    readonly get: operations['readSinkStatus'];
  };
  readonly '/v1/data-health': {
    /** Reports the health of one day of events */
    readonly get: operations['readDataHealth'];
  };
  readonly '/v1/lake': {
    /** Count the events of each day in the lake */
    readonly get: operations['readLake'];
  };
  readonly '/v1/dead-letters': {
    /** Count the messages that the sink cannot process by reason, and list the newest */
    readonly get: operations['listDeadLetters'];
  };
  readonly '/v1/dead-letters/{id}': {
    /** Read a dead letter with its whole message */
    readonly get: operations['readDeadLetter'];
  };
  readonly '/v1/dead-letters/redrive': {
    /**
     * Send dead letters that are now valid back to Kafka
     * @description Events keep their eventId and time, so an event that is redriven twice counts once. Events that are still invalid remain. Items and users are not redriven: they may have changed since. One redrive runs at a time. It ends with its request, and after 100 seconds: then isComplete is false, and the same request continues.
     */
    readonly post: operations['redriveDeadLetters'];
  };
  readonly '/v1/validations': {
    /**
     * Report what an import of a file would read
     * @description Reads CSV, TSV, JSON Lines, RecBole and Parquet, with gzip or without, up to 64 MiB, 512 MiB of decompressed data and 5 million rows. Validates one file at a time. Stores nothing.
     */
    readonly post: operations['validateFile'];
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    readonly DayHealth: {
      /** @enum {number} */
      readonly version: 1;
      /** @description Severity of the worst reason. */
      readonly verdict: 'ok' | 'warning' | 'bad';
      readonly reasons: readonly components['schemas']['HealthReason'][];
      /** @description A UTC day, YYYY-MM-DD. */
      readonly day: string;
      /** @description Epoch milliseconds. */
      readonly checkedAt: number;
      /** @description False while the day is in progress. It is then compared with the same hours of earlier days. */
      readonly isOver: boolean;
      /** @description All measures below, except the volume, count each event once. */
      readonly events: {
        readonly rows: number;
        /** @description Distinct eventIds. */
        readonly count: number;
        /** @description Users with a userId. */
        readonly users: number;
        readonly items: number;
      };
      readonly types: readonly {
        readonly type: string;
        readonly count: number;
      }[];
      readonly volume: {
        /** @description Rows of each of the previous seven days that has any. */
        readonly trailing: readonly {
          /** @description A UTC day, YYYY-MM-DD. */
          readonly day: string;
          readonly count: number;
        }[];
        readonly trailingMean?: number;
        /** @description Rows of the day divided by trailingMean. */
        readonly ratio?: number;
      };
      /** @description Events that the collector received on that day, without imported events. */
      readonly intake: {
        readonly accepted: number;
        readonly duplicate: number;
        readonly refused: number;
        /** @description Share of all received events. */
        readonly refusedShare: number;
        readonly producers: readonly {
          /** @description Name of an API key, or `topic:` and a topic. */
          readonly producer: string;
          readonly accepted: number;
          readonly duplicate: number;
          readonly refused: number;
        }[];
        readonly refusals: readonly {
          readonly producer: string;
          readonly field: string;
          readonly reason: string;
          readonly count: number;
        }[];
      };
      readonly duplicates: {
        /** @description Rows that repeat an event of the same day. */
        readonly insideDay: number;
        /** @description Events that repeat one of the previous seven days. */
        readonly ofOtherDays: number;
        /** @description Share of repeats among the rows. */
        readonly share: number;
      };
      readonly lateness: {
        readonly late: number;
        /** @description Share of the events without backfill. */
        readonly lateShare: number;
        /** @description Imported events, and events so late that they count as a backfill. */
        readonly backfilled: number;
        /** @description Events received before they occurred, because a clock is ahead. */
        readonly ahead: number;
        readonly histogram: readonly {
          /** @description Time from occurredAt to receivedAt. Absent in the last bucket. */
          readonly upToMs?: number;
          readonly count: number;
        }[];
        /** @description Rows received on this day for earlier days. */
        readonly receivedForOlderDays: number;
      };
      /** @description Absent when the catalog is empty. */
      readonly unknownItems?: {
        readonly ids: number;
        readonly events: number;
        /** @description Share of the events with an item. */
        readonly share: number;
        readonly examples: readonly {
          readonly itemId: string;
          readonly events: number;
        }[];
      };
      readonly joins: {
        readonly exposures: {
          readonly count: number;
          readonly joined: number;
          /** @description Absent when count is 0. */
          readonly rate?: number;
        };
        readonly outcomes: {
          readonly count: number;
          readonly joined: number;
          /** @description Absent when count is 0. */
          readonly rate?: number;
        };
      };
      readonly suspiciousUsers: {
        readonly users: number;
        readonly events: number;
        /** @description Share of all events. */
        readonly share: number;
        /** @description Users with the most events. */
        readonly examples: readonly {
          /** @description User id, or `session:` and the session id of an anonymous person. */
          readonly userId: string;
          readonly events: number;
          /** @description Share of all events of the day. */
          readonly share: number;
          readonly reasons: readonly ('share-of-all-events' | 'sustained-rate' | 'no-sleep')[];
          /** @description Hours of the day with at least one event. */
          readonly activeHours: number;
          /** @description Most events in one minute of the sustained period. */
          readonly eventsPerMinuteMax?: number;
        }[];
      };
      readonly identity: {
        /** @description Events without a userId. */
        readonly anonymous: number;
        /** @description Share of all events. */
        readonly anonymousShare: number;
        readonly anonymousSessions: number;
        /** @description Events that tell which user a session belongs to. */
        readonly identifies: number;
      };
    };
    /** @description A message that the sink cannot process. */
    readonly DeadLetter: {
      /** @description Topic, partition and offset of the message. */
      readonly deadLetterId: string;
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      /** @description The last offset of a batch that cannot be decoded; absent for a message. */
      readonly lastOffset?: number;
      /** @description When the log received the message, epoch milliseconds. */
      readonly timestamp: number;
      readonly reason: string;
      /** @description Why the batch cannot be decoded. */
      readonly problem?: string;
      /** @description The invalid field; empty for the whole message. */
      readonly field: string;
      /** @description The key of the message. */
      readonly key: string | null;
      readonly payload: string | null;
      /** @description The encoding of payload. */
      readonly encoding: 'utf8' | 'base64';
      /** @description Size of the message when payload is only its beginning. */
      readonly bytes?: number;
      /** @description Epoch milliseconds. */
      readonly failedAt: number;
      /** @description Epoch milliseconds; absent until it is redriven. */
      readonly redrivenAt?: number;
    };
    readonly DeadLetters: {
      readonly total: number;
      /** @description Most frequent first. */
      readonly reasons: readonly components['schemas']['ReasonCount'][];
      /** @description The newest first. A payload contains at most the first 500 characters. */
      readonly deadLetters: readonly components['schemas']['DeadLetter'][];
    };
    /** @description Events by user or item. */
    readonly Distribution: {
      readonly count: number;
      readonly min: number;
      readonly median: number;
      readonly mean: number;
      readonly p90: number;
      readonly max: number;
      readonly histogram: readonly {
        readonly from: number;
        readonly to: number;
        readonly count: number;
      }[];
    };
    readonly HealthReason: {
      /** @enum {unknown} */
      readonly check:
        | 'no-events'
        | 'volume-low'
        | 'volume-high'
        | 'refused'
        | 'duplicates'
        | 'late'
        | 'unknown-items'
        | 'unmatched-outcomes'
        | 'suspicious-users';
      readonly severity: 'warning' | 'bad';
      /** @description Measured value. */
      readonly value: number;
      /** @description Bound that the value exceeds. */
      readonly bound: number;
    };
    /** @description The content of the lake, from its transaction log. */
    readonly Lake: {
      /** @description The number of the newest record in the transaction log; 0 for no lake. */
      readonly version: number;
      readonly rows: number;
      readonly files: number;
      readonly bytes: number;
      /** @description Ascending. */
      readonly days: readonly {
        /** @description UTC day of the events, YYYY-MM-DD. */
        readonly day: string;
        /** @description Events, with duplicates. */
        readonly rows: number;
        readonly files: number;
        readonly bytes: number;
      }[];
      /** @description By source, the first offset that the lake does not contain. */
      readonly offsets: {
        readonly [key: string]: number;
      };
    };
    /** @description What the model learns from, and what it does not. */
    readonly Learning: {
      /** @description interactions.positives of facet.yaml. */
      readonly rule: string;
      readonly positives: readonly {
        readonly type: string;
        readonly count: number;
        readonly samples: readonly {
          readonly file: number;
          readonly line: number;
          readonly userId: string;
          readonly itemId: string;
          readonly value?: number;
        }[];
      }[];
      readonly leftOut: readonly {
        readonly type: string;
        readonly count: number;
        readonly samples: readonly {
          readonly file: number;
          readonly line: number;
          readonly userId: string;
          readonly itemId: string;
          readonly value?: number;
        }[];
        /** @enum {unknown} */
        readonly reason: 'type-not-in-rule' | 'value-negative' | 'value-missing' | 'value-outside-bound';
      }[];
    };
    /** @description Why the request failed, and what to do. */
    readonly Problem: {
      /** @description The HTTP status. */
      readonly statusCode: number;
      /** @description A stable code. Test it instead of the message. */
      readonly code: string;
      readonly message: string;
      /** @description What the caller can do. */
      readonly remedy?: string;
      /** @description The wrong field of the body, as a path with dots. */
      readonly field?: string;
    };
    readonly ReasonCount: {
      readonly reason: string;
      /** @description The invalid field; empty for the whole message. */
      readonly field: string;
      readonly count: number;
    };
    readonly RedriveReport: {
      readonly isDryRun: boolean;
      /** @description False if 100 seconds ended before all dead letters were read. Repeat the request to continue; a dry run starts again. */
      readonly isComplete: boolean;
      /** @description Messages that were sent, or would be sent. */
      readonly redriven: number;
      /** @description Dead letters that are still invalid. */
      readonly failed: number;
      /** @description Why they are still invalid, most frequent first. */
      readonly reasons: readonly components['schemas']['ReasonCount'][];
      /** @description The first 200. */
      readonly failures: readonly {
        readonly deadLetterId: string;
        readonly reason: string;
        /** @description The invalid field; empty for the whole message. */
        readonly field: string;
      }[];
      /** @description Requested ids that do not exist or were redriven before; empty if isComplete is false. */
      readonly notFound: readonly string[];
    };
    readonly RedriveRequest: {
      /** @description Only these dead letters. */
      readonly ids?: readonly string[];
      /** @description Only these reasons. */
      readonly reasons?: readonly string[];
      /** @description Only this field. */
      readonly field?: string;
      /** @description Uses the dead letter id as the eventId of events without one. Default: false. */
      readonly addEventIds?: boolean;
      /** @description Reports the result without sending. Default: false. */
      readonly dryRun?: boolean;
    };
    /** @description The state of this member of the consumer group. */
    readonly SinkStatus: {
      readonly group: {
        readonly id: string;
        readonly isMember: boolean;
        readonly since: number;
        /** @description Messages of all partitions that no member has stored. */
        readonly lag: number;
        /** @description Seconds without progress of the slowest partition with messages to store. */
        readonly stalledSeconds: number;
      };
      readonly partitions: readonly {
        readonly topic: string;
        readonly partition: number;
        /** @description The offset of the next message in the log. */
        readonly end: number;
        /** @description The first offset that is not in the profiles and the buffer. */
        readonly processed: number;
        /** @description The first offset that is not in the lake or the catalog. */
        readonly stored: number;
        /** @description Number of messages that are not stored. */
        readonly lag: number;
      }[];
      readonly bufferedRows: number;
      readonly lastProgressAt: number;
      readonly stalledSeconds: number;
      /** @description The dependencies that do not work. The sink processes nothing meanwhile. */
      readonly outages: readonly {
        readonly dependency: string;
        readonly since: number;
        readonly problem: string;
      }[];
    };
    readonly UnknownIds: {
      readonly ids: number;
      readonly events: number;
      readonly examples: readonly {
        readonly id: string;
        readonly events: number;
        readonly first: {
          readonly file: number;
          readonly line: number;
        };
      }[];
    };
    /** @description What an import of the file would read. */
    readonly Validation: {
      /** @enum {number} */
      readonly version: 1;
      /** @description Epoch milliseconds. */
      readonly checkedAt: number;
      readonly files: readonly {
        readonly path: string;
        /** @enum {unknown} */
        readonly kind: 'events' | 'items' | 'users';
        readonly format: string;
        readonly bytes: number;
        readonly rows: number;
        readonly accepted: number;
        /** @description The column of each field. */
        readonly columns: {
          readonly [key: string]: string;
        };
        /** @description Columns that could be a required field too, but are not used. */
        readonly otherCandidates: {
          readonly [key: string]: readonly string[];
        };
        /** @description The type of every event without a type column. */
        readonly defaultType?: string;
      }[];
      readonly events: {
        readonly rows: number;
        readonly accepted: number;
        readonly refused: number;
        /** @description Accepted events that repeat an earlier id. */
        readonly duplicates: number;
      };
      readonly refusals: readonly {
        /** @enum {unknown} */
        readonly kind: 'events' | 'items' | 'users';
        readonly field: string;
        readonly reason: string;
        readonly count: number;
        /** @description The first of these lines. `file` is an index into `files`. */
        readonly lines: readonly {
          readonly file: number;
          readonly line: number;
        }[];
        /** @description Values that another setting could read, such as unknown types. */
        readonly samples?: readonly string[];
        /** @description If the value is an object: the path inside it to map, such as `user.id`. */
        readonly nestedPath?: string;
      }[];
      /** @description Values of optional fields that cannot be read. Their rows are accepted without them. */
      readonly ignored: readonly {
        /** @enum {unknown} */
        readonly kind: 'events' | 'items' | 'users';
        readonly field: string;
        readonly reason: string;
        readonly count: number;
        /** @description The first of these lines. `file` is an index into `files`. */
        readonly lines: readonly {
          readonly file: number;
          readonly line: number;
        }[];
        readonly samples: readonly string[];
        /** @description If the value is an object: the path inside it to map, such as `user.id`. */
        readonly nestedPath?: string;
      }[];
      readonly learning?: components['schemas']['Learning'];
      readonly time: {
        /** @description Epoch milliseconds. */
        readonly earliest?: number;
        /** @description Epoch milliseconds. */
        readonly latest?: number;
        readonly ahead: {
          readonly count: number;
          /** @description The first of these lines. `file` is an index into `files`. */
          readonly lines: readonly {
            readonly file: number;
            readonly line: number;
          }[];
        };
        readonly before1990: {
          readonly count: number;
          /** @description The first of these lines. `file` is an index into `files`. */
          readonly lines: readonly {
            readonly file: number;
            readonly line: number;
          }[];
        };
        /** @description Accepted events without a time of day. */
        readonly daysOnly: number;
        readonly daysOnlyDuplicates: {
          readonly count: number;
          /** @description The first of these lines. `file` is an index into `files`. */
          readonly lines: readonly {
            readonly file: number;
            readonly line: number;
          }[];
        };
      };
      readonly types: readonly {
        readonly type: string;
        readonly count: number;
      }[];
      /** @description UTC days, ascending. */
      readonly days: readonly {
        readonly day: string;
        readonly count: number;
      }[];
      readonly values?: {
        readonly count: number;
        readonly min: number;
        readonly max: number;
        readonly mean: number;
        readonly distinct?: readonly {
          readonly value: number;
          readonly count: number;
        }[];
      };
      readonly users: components['schemas']['Distribution'];
      readonly items: components['schemas']['Distribution'];
      /** @description The attributes of items or users: the first 50 names. */
      readonly attributes: readonly {
        /** @enum {unknown} */
        readonly kind: 'items' | 'users';
        readonly name: string;
        readonly types: readonly ('text' | 'number' | 'boolean' | 'list')[];
        /** @description Records with a value. */
        readonly count: number;
        readonly samples: readonly string[];
        /** @description Every value is text that is a number. */
        readonly isNumericText: boolean;
      }[];
      /** @description Accepted rows of items and users with the id of an earlier row, which they replace. */
      readonly repeated: {
        readonly items: number;
        readonly users: number;
      };
      readonly unknownItems?: components['schemas']['UnknownIds'];
      readonly itemsWithoutEvents?: number;
      readonly unknownUsers?: components['schemas']['UnknownIds'];
      readonly usersWithoutEvents?: number;
      readonly suspiciousUsers: readonly {
        readonly userId: string;
        readonly events: number;
        readonly share: number;
        readonly reasons: readonly string[];
        readonly eventsPerMinuteMax?: number;
      }[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type DayHealth = components['schemas']['DayHealth'];
export type DeadLetter = components['schemas']['DeadLetter'];
export type DeadLetters = components['schemas']['DeadLetters'];
export type Distribution = components['schemas']['Distribution'];
export type HealthReason = components['schemas']['HealthReason'];
export type Lake = components['schemas']['Lake'];
export type Learning = components['schemas']['Learning'];
export type Problem = components['schemas']['Problem'];
export type ReasonCount = components['schemas']['ReasonCount'];
export type RedriveReport = components['schemas']['RedriveReport'];
export type RedriveRequest = components['schemas']['RedriveRequest'];
export type SinkStatus = components['schemas']['SinkStatus'];
export type UnknownIds = components['schemas']['UnknownIds'];
export type Validation = components['schemas']['Validation'];
export type $defs = Record<string, never>;
export interface operations {
  readonly readMetrics: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The metrics. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'text/plain': string;
        };
      };
    };
  };
  readonly checkAlive: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The process is alive. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': {
            /** @enum {string} */
            readonly status: 'ok';
          };
        };
      };
      /** @description Why the request failed, and what to do. */
      readonly 503: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly checkReady: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The process is ready. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': {
            /** @enum {string} */
            readonly status: 'ready';
            /** @description The version of Facet. */
            readonly version: string;
            /** @description Number of assigned partitions. */
            readonly partitions: number;
          };
        };
      };
      /** @description Why the request failed, and what to do. */
      readonly 503: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly readSinkStatus: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The state of this member of the consumer group. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['SinkStatus'];
        };
      };
    };
  };
  readonly readDataHealth: {
    readonly parameters: {
      readonly query?: {
        /** @description A UTC day, YYYY-MM-DD; today by default. */
        readonly day?: string;
        /** @description Age of the report at most. Default: 600. */
        readonly maxAgeSeconds?: string;
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Default Response */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['DayHealth'];
        };
      };
    };
  };
  readonly readLake: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The content of the lake, from its transaction log. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Lake'];
        };
      };
    };
  };
  readonly listDeadLetters: {
    readonly parameters: {
      readonly query?: {
        /** @description Only these reasons, separated by commas. */
        readonly reason?: string;
        /** @description Only this field. */
        readonly field?: string;
        /** @description Number of dead letters: 1 to 1000, default 50. */
        readonly limit?: string;
        /** @description Whether to include dead letters that were redriven. Default: false. */
        readonly redriven?: 'true' | 'false';
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Default Response */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['DeadLetters'];
        };
      };
    };
  };
  readonly readDeadLetter: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        readonly id: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description A message that the sink cannot process. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['DeadLetter'];
        };
      };
    };
  };
  readonly redriveDeadLetters: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['RedriveRequest'];
      };
    };
    readonly responses: {
      /** @description Default Response */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['RedriveReport'];
        };
      };
    };
  };
  readonly validateFile: {
    readonly parameters: {
      readonly query: {
        /** @description The name of the file, whose extension implies the format. */
        readonly name: string;
        /** @description What the rows are. Default: events. */
        readonly kind?: 'events' | 'items' | 'users';
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/octet-stream': string;
      };
    };
    readonly responses: {
      /** @description What an import of the file would read. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Validation'];
        };
      };
    };
  };
}
