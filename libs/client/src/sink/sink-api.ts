/** Generated from openapi/sink.json by `npm run openapi`. Do not edit. */

export interface paths {
  '/metrics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Read the metrics in the Prometheus text format */
    get: operations['readMetrics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Check whether the process is alive */
    get: operations['checkAlive'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/readyz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Reports whether the sink is a member of the consumer group and all its dependencies work */
    get: operations['checkReady'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/status': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Reports the progress of the sink and the dependencies that it waits for */
    get: operations['readSinkStatus'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/data-health': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Reports the health of one day of events */
    get: operations['readDataHealth'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/lake': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Count the events of each day in the lake */
    get: operations['readLake'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/dead-letters': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Count the messages that the sink cannot process by reason, and list the newest */
    get: operations['listDeadLetters'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/dead-letters/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Read a dead letter with its whole message */
    get: operations['readDeadLetter'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/dead-letters/redrive': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Send events that are valid now to the log again
     * @description Events keep their eventId and time, so an event that is redriven twice counts once. Events that are still invalid remain. Items and users are not redriven: they may have changed since.
     */
    post: operations['redriveDeadLetters'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validations': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Report what an import of a file would read
     * @description Reads CSV, TSV, JSON Lines, RecBole and Parquet, with gzip or without, up to 64 MiB. Stores nothing.
     */
    post: operations['validateFile'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    DayHealth: {
      /** @enum {number} */
      version: 1;
      /** @description Severity of the worst reason. */
      verdict: 'ok' | 'warning' | 'bad';
      reasons: components['schemas']['HealthReason'][];
      /** @description A UTC day, YYYY-MM-DD. */
      day: string;
      /** @description Epoch milliseconds. */
      checkedAt: number;
      /** @description False while the day is in progress. It is then compared with the same hours of earlier days. */
      isOver: boolean;
      /** @description All measures below, except the volume, count each event once. */
      events: {
        rows: number;
        /** @description Distinct eventIds. */
        count: number;
        /** @description Users with a userId. */
        users: number;
        items: number;
      };
      types: {
        type: string;
        count: number;
      }[];
      volume: {
        /** @description Rows of each of the previous seven days that has any. */
        trailing: {
          /** @description A UTC day, YYYY-MM-DD. */
          day: string;
          count: number;
        }[];
        trailingMean?: number;
        /** @description Rows of the day divided by trailingMean. */
        ratio?: number;
      };
      /** @description Events that the collector received on that day, without imported events. */
      intake: {
        accepted: number;
        duplicate: number;
        refused: number;
        /** @description Share of all received events. */
        refusedShare: number;
        producers: {
          /** @description Name of an API key, or `topic:` and a topic. */
          producer: string;
          accepted: number;
          duplicate: number;
          refused: number;
        }[];
        refusals: {
          producer: string;
          field: string;
          reason: string;
          count: number;
        }[];
      };
      duplicates: {
        /** @description Rows that repeat an event of the same day. */
        insideDay: number;
        /** @description Events that repeat one of the previous seven days. */
        ofOtherDays: number;
        /** @description Share of repeats among the rows. */
        share: number;
      };
      lateness: {
        late: number;
        /** @description Share of the events without backfill. */
        lateShare: number;
        /** @description Events so late that they count as a backfill. */
        backfilled: number;
        /** @description Events received before they occurred, because a clock is ahead. */
        ahead: number;
        histogram: {
          /** @description Time from occurredAt to receivedAt. Absent in the last bucket. */
          upToMs?: number;
          count: number;
        }[];
        /** @description Rows received on this day for earlier days. */
        receivedForOlderDays: number;
      };
      /** @description Absent when the catalog is empty. */
      unknownItems?: {
        ids: number;
        events: number;
        /** @description Share of the events with an item. */
        share: number;
        examples: {
          itemId: string;
          events: number;
        }[];
      };
      joins: {
        exposures: {
          count: number;
          joined: number;
          /** @description Absent when count is 0. */
          rate?: number;
        };
        outcomes: {
          count: number;
          joined: number;
          /** @description Absent when count is 0. */
          rate?: number;
        };
      };
      suspiciousUsers: {
        users: number;
        events: number;
        /** @description Share of all events. */
        share: number;
        /** @description Users with the most events. */
        examples: {
          /** @description User id, or `session:` and the session id of an anonymous person. */
          userId: string;
          events: number;
          /** @description Share of all events of the day. */
          share: number;
          reasons: ('share-of-all-events' | 'sustained-rate' | 'no-sleep')[];
          /** @description Hours of the day with at least one event. */
          activeHours: number;
          /** @description Most events in one minute of the sustained period. */
          eventsPerMinuteMax?: number;
        }[];
      };
      identity: {
        /** @description Events without a userId. */
        anonymous: number;
        /** @description Share of all events. */
        anonymousShare: number;
        anonymousSessions: number;
        /** @description Events that tell which user a session belongs to. */
        identifies: number;
      };
    };
    /** @description A message that the sink cannot process. */
    DeadLetter: {
      /** @description Topic, partition and offset of the message. */
      deadLetterId: string;
      topic: string;
      partition: number;
      offset: number;
      /** @description When the log received the message, epoch milliseconds. */
      timestamp: number;
      reason: string;
      /** @description The invalid field; empty for the whole message. */
      field: string;
      /** @description The key of the message. */
      key: string | null;
      payload: string | null;
      /** @description The encoding of payload. */
      encoding: 'utf8' | 'base64';
      /** @description Size of the message when payload is only its beginning. */
      bytes?: number;
      /** @description Epoch milliseconds. */
      failedAt: number;
      /** @description Epoch milliseconds; absent until it is redriven. */
      redrivenAt?: number;
    };
    DeadLetters: {
      total: number;
      /** @description Most frequent first. */
      reasons: components['schemas']['ReasonCount'][];
      /** @description The newest first. A payload contains at most the first 500 characters. */
      deadLetters: components['schemas']['DeadLetter'][];
    };
    /** @description Events by user or item. */
    Distribution: {
      count: number;
      min: number;
      median: number;
      mean: number;
      p90: number;
      max: number;
      histogram: {
        from: number;
        to: number;
        count: number;
      }[];
    };
    HealthReason: {
      /** @enum {unknown} */
      check:
        | 'no-events'
        | 'volume-low'
        | 'volume-high'
        | 'refused'
        | 'duplicates'
        | 'late'
        | 'unknown-items'
        | 'unmatched-outcomes'
        | 'suspicious-users';
      severity: 'warning' | 'bad';
      /** @description Measured value. */
      value: number;
      /** @description Bound that the value exceeds. */
      bound: number;
    };
    /** @description The content of the lake, from its transaction log. */
    Lake: {
      /** @description The number of the newest record in the transaction log; 0 for no lake. */
      version: number;
      rows: number;
      files: number;
      bytes: number;
      /** @description Ascending. */
      days: {
        /** @description UTC day of the events, YYYY-MM-DD. */
        day: string;
        /** @description Events, with duplicates. */
        rows: number;
        files: number;
        bytes: number;
      }[];
      /** @description By source, the first offset that the lake does not contain. */
      offsets: {
        [key: string]: number;
      };
    };
    /** @description Why the request failed, and what to do. */
    Problem: {
      /** @description The HTTP status. */
      statusCode: number;
      /** @description A stable code. Test it instead of the message. */
      code: string;
      message: string;
      /** @description What the caller can do. */
      remedy?: string;
      /** @description The wrong field of the body, as a path with dots. */
      field?: string;
    };
    ReasonCount: {
      reason: string;
      /** @description The invalid field; empty for the whole message. */
      field: string;
      count: number;
    };
    RedriveReport: {
      isDryRun: boolean;
      /** @description Messages that were sent, or would be sent. */
      redriven: number;
      /** @description Dead letters that are still invalid. */
      failed: number;
      /** @description Why they are still invalid, most frequent first. */
      reasons: components['schemas']['ReasonCount'][];
      /** @description The first 200. */
      failures: {
        deadLetterId: string;
        reason: string;
        /** @description The invalid field; empty for the whole message. */
        field: string;
      }[];
      /** @description Requested ids that do not exist or were redriven before. */
      notFound: string[];
    };
    RedriveRequest: {
      /** @description Only these dead letters. */
      ids?: string[];
      /** @description Only these reasons. */
      reasons?: string[];
      /** @description Only this field. */
      field?: string;
      /** @description Gives events without an eventId the id of their dead letter. Default: false. */
      addEventIds?: boolean;
      /** @description Reports the result without sending. Default: false. */
      dryRun?: boolean;
    };
    /** @description The state of this member of the consumer group. */
    SinkStatus: {
      group: {
        id: string;
        isMember: boolean;
        since: number;
      };
      partitions: {
        topic: string;
        partition: number;
        /** @description The offset of the next message in the log. */
        end: number;
        /** @description The first offset that is not in the profiles and the buffer. */
        processed: number;
        /** @description The first offset that is not in the lake or the catalog. */
        stored: number;
        /** @description Number of messages that are not stored. */
        lag: number;
      }[];
      bufferedRows: number;
      lastProgressAt: number;
      stalledSeconds: number;
      /** @description The dependencies that do not work. The sink processes nothing meanwhile. */
      outages: {
        dependency: string;
        since: number;
        problem: string;
      }[];
    };
    UnknownIds: {
      ids: number;
      events: number;
      examples: {
        id: string;
        events: number;
        first: {
          file: number;
          line: number;
        };
      }[];
    };
    /** @description What an import of the file would read. */
    Validation: {
      /** @enum {number} */
      version: 1;
      /** @description Epoch milliseconds. */
      checkedAt: number;
      files: {
        path: string;
        /** @enum {unknown} */
        kind: 'events' | 'items' | 'users';
        format: string;
        bytes: number;
        rows: number;
        accepted: number;
        /** @description The column of each field. */
        columns: {
          [key: string]: string;
        };
        /** @description The type of every event without a type column. */
        defaultType?: string;
      }[];
      events: {
        rows: number;
        accepted: number;
        refused: number;
        /** @description Accepted events that repeat an earlier id. */
        duplicates: number;
      };
      refusals: {
        /** @enum {unknown} */
        kind: 'events' | 'items' | 'users';
        field: string;
        reason: string;
        count: number;
        /** @description The first of these lines. `file` is an index into `files`. */
        lines: {
          file: number;
          line: number;
        }[];
      }[];
      time: {
        /** @description Epoch milliseconds. */
        earliest?: number;
        /** @description Epoch milliseconds. */
        latest?: number;
        ahead: {
          count: number;
          /** @description The first of these lines. `file` is an index into `files`. */
          lines: {
            file: number;
            line: number;
          }[];
        };
        before1990: {
          count: number;
          /** @description The first of these lines. `file` is an index into `files`. */
          lines: {
            file: number;
            line: number;
          }[];
        };
      };
      types: {
        type: string;
        count: number;
      }[];
      /** @description UTC days, ascending. */
      days: {
        day: string;
        count: number;
      }[];
      values?: {
        count: number;
        min: number;
        max: number;
        mean: number;
        distinct?: {
          value: number;
          count: number;
        }[];
      };
      users: components['schemas']['Distribution'];
      items: components['schemas']['Distribution'];
      unknownItems?: components['schemas']['UnknownIds'];
      itemsWithoutEvents?: number;
      unknownUsers?: components['schemas']['UnknownIds'];
      usersWithoutEvents?: number;
      suspiciousUsers: {
        userId: string;
        events: number;
        share: number;
        reasons: string[];
        eventsPerMinuteMax?: number;
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
export type Problem = components['schemas']['Problem'];
export type ReasonCount = components['schemas']['ReasonCount'];
export type RedriveReport = components['schemas']['RedriveReport'];
export type RedriveRequest = components['schemas']['RedriveRequest'];
export type SinkStatus = components['schemas']['SinkStatus'];
export type UnknownIds = components['schemas']['UnknownIds'];
export type Validation = components['schemas']['Validation'];
export type $defs = Record<string, never>;
export interface operations {
  readMetrics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The metrics. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /** @example process_cpu_seconds_total 12.5 */
          'text/plain': string;
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  checkAlive: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process is alive. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "status": "ok"
           *     }
           */
          'application/json': {
            /** @enum {string} */
            status: 'ok';
          };
        };
      };
      /** @description Why the request failed, and what to do. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  checkReady: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process is ready. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'ready';
            /** @description Number of assigned partitions. */
            partitions: number;
          };
        };
      };
      /** @description Why the request failed, and what to do. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readSinkStatus: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The state of this member of the consumer group. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SinkStatus'];
        };
      };
    };
  };
  readDataHealth: {
    parameters: {
      query?: {
        /** @description A UTC day, YYYY-MM-DD; today by default. */
        day?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Default Response */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['DayHealth'];
        };
      };
      /** @description Why the request failed, and what to do. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readLake: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The content of the lake, from its transaction log. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "version": 12,
           *       "rows": 90213,
           *       "files": 3,
           *       "bytes": 1200345,
           *       "days": [
           *         {
           *           "day": "2026-01-31",
           *           "rows": 90213,
           *           "files": 3,
           *           "bytes": 1200345
           *         }
           *       ],
           *       "offsets": {
           *         "facet.events.v1-0": 90213
           *       }
           *     }
           */
          'application/json': components['schemas']['Lake'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  listDeadLetters: {
    parameters: {
      query?: {
        /**
         * @description Only these reasons, separated by commas.
         * @example unknown-type
         */
        reason?: string;
        /** @description Only this field. */
        field?: string;
        /** @description Number of dead letters: 1 to 1000, default 50. */
        limit?: string;
        /** @description Whether to include dead letters that were redriven. Default: false. */
        redriven?: 'true' | 'false';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Default Response */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "total": 1,
           *       "reasons": [
           *         {
           *           "reason": "unknown-type",
           *           "field": "type",
           *           "count": 1
           *         }
           *       ],
           *       "deadLetters": [
           *         {
           *           "deadLetterId": "facet.events.v1-3-1207",
           *           "topic": "facet.events.v1",
           *           "partition": 3,
           *           "offset": 1207,
           *           "timestamp": 1769860800000,
           *           "reason": "unknown-type",
           *           "field": "type",
           *           "key": "ada",
           *           "payload": "{\"eventId\":\"e-1\",\"type\":\"wishlist\",\"userId\":\"ada\"}",
           *           "encoding": "utf8",
           *           "failedAt": 1769860801000
           *         }
           *       ]
           *     }
           */
          'application/json': components['schemas']['DeadLetters'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readDeadLetter: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @example facet.events.v1-3-1207 */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A message that the sink cannot process. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "deadLetterId": "facet.events.v1-3-1207",
           *       "topic": "facet.events.v1",
           *       "partition": 3,
           *       "offset": 1207,
           *       "timestamp": 1769860800000,
           *       "reason": "unknown-type",
           *       "field": "type",
           *       "key": "ada",
           *       "payload": "{\"eventId\":\"e-1\",\"type\":\"wishlist\",\"userId\":\"ada\"}",
           *       "encoding": "utf8",
           *       "failedAt": 1769860801000
           *     }
           */
          'application/json': components['schemas']['DeadLetter'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  redriveDeadLetters: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        /**
         * @example {
         *       "reasons": [
         *         "unknown-type"
         *       ],
         *       "dryRun": true
         *     }
         */
        'application/json': components['schemas']['RedriveRequest'];
      };
    };
    responses: {
      /** @description Default Response */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "isDryRun": true,
           *       "redriven": 1,
           *       "failed": 0,
           *       "reasons": [],
           *       "failures": [],
           *       "notFound": []
           *     }
           */
          'application/json': components['schemas']['RedriveReport'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  validateFile: {
    parameters: {
      query: {
        /**
         * @description The name of the file, whose extension implies the format.
         * @example orders.csv
         */
        name: string;
        /** @description What the rows are. Default: events. */
        kind?: 'events' | 'items' | 'users';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/octet-stream': string;
      };
    };
    responses: {
      /** @description What an import of the file would read. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Validation'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '4XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request failed, and what to do. */
      '5XX': {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
}
