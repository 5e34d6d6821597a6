/** Generated from openapi/trainer.json by `npm run openapi`. Do not edit. */

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
    /** Whether the worker can take jobs: the queue responds */
    get: operations['checkReady'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/refreshes': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** List the newest runs */
    get: operations['listRefreshes'];
    put?: never;
    /**
     * Retrain on the data of a day
     * @description Returns 202 with a new run. Returns 200 with the existing run if the request would only repeat it: the run is in progress, or it was promoted, rejected or skipped and force is not set.
     */
    post: operations['requestRefresh'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/refreshes/{runId}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Read a run */
    get: operations['readRefresh'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/refreshes/{runId}/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Cancel a run; a run that has ended does not change */
    post: operations['cancelRefresh'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/refreshes/{runId}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Follow a run as server-sent events until it has ended
     * @description `report`: the run, at first and after every change. `progress`: the progress of its stage.
     */
    get: operations['followRefresh'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/schedule': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Read when the next refreshes are due, and whether one is overdue */
    get: operations['readSchedule'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/lineage/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Trace a bundle, model or dataset back to the files and offsets of the lake */
    get: operations['traceLineage'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/models/{modelId}/training': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Read the training curves of a model */
    get: operations['readTraining'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/experiments': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** List the experiments that facet.yaml declares */
    get: operations['listExperiments'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/experiments/{name}/report': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Compare the arms of an experiment
     * @description Joins the exposure log with events that name the recommendation and one of its items. The report is at most a minute old. An experiment without responses has zeros.
     */
    get: operations['reportExperiment'];
    put?: never;
    post?: never;
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
    /** @description A metric of an arm. */
    ArmFigure: {
      /** @description The value with its 95 % interval over users; absent without data. */
      estimate?: {
        value: number;
        low?: number;
        high?: number;
      };
      /** @description The difference from the control; absent for the control. */
      difference?: {
        value: number;
        low: number;
        high: number;
        pValue: number;
        /** @description Divided by the control. */
        relative?: number;
      };
    };
    /** @description ofExposures: share of responses with the outcome. perUser: the same share, averaged over users. ofUsers: share of users with the outcome. */
    ArmOutcome: {
      /** @description An event type. */
      outcome: string;
      ofExposures: components['schemas']['ArmFigure'];
      perUser: components['schemas']['ArmFigure'];
      ofUsers: components['schemas']['ArmFigure'];
      interests: {
        /** @description The interest that found the items; null for none. */
        interest: number | null;
        itemsShown: number;
        itemsChosen: number;
        ofItems: components['schemas']['ArmFigure'];
        /** @description Share of all items with the outcome. */
        shareOfChosen?: number;
      }[];
    };
    CancelRequest: {
      reason?: string;
    };
    DeclaredExperiment: {
      name: string;
      /** @enum {unknown} */
      state: 'scheduled' | 'running' | 'ended';
      /** @description Epoch milliseconds; absent without a start. */
      from?: number;
      /** @description Epoch milliseconds; absent without an end. */
      before?: number;
      /** @description Share of users who participate. */
      share: number;
      /** @description The control first. */
      arms: {
        name: string;
        weight: number;
        /** @description The settings that the arm changes, as in facet.yaml. */
        settings: {
          [key: string]: unknown;
        };
      }[];
      /** @description Arms that are computed and logged but not shown. */
      shadow: {
        name: string;
        share: number;
        /** @description The settings that the arm changes, as in facet.yaml. */
        settings: {
          [key: string]: unknown;
        };
      }[];
    };
    ExperimentDay: {
      /** @description A UTC day, YYYY-MM-DD. */
      day: string;
      arms: {
        arm: string;
        users: number;
        exposures: number;
        outcomes: {
          outcome: string;
          ofExposures: components['schemas']['ArmFigure'];
        }[];
      }[];
    };
    /** @description The arms of an experiment. Intervals are 95 %, over users. */
    ExperimentReport: {
      experiment: string;
      /** @description Epoch milliseconds. */
      from?: number;
      /** @description Epoch milliseconds. */
      before?: number;
      windowHours: number;
      /** @description Epoch milliseconds. */
      computedAt: number;
      /** @description Lines of the exposure log that cannot be read. */
      damagedLines: number;
      /** @description Whether users are split between the arms by their weights; absent without users. */
      sampleRatio?: {
        chiSquare: number;
        degrees: number;
        pValue: number;
        /** @description The arms are not comparable. Ignore their differences. */
        isMismatch: boolean;
        /** @description Users by arm that the weights imply. */
        expected: number[];
      };
      /** @description The control first. */
      arms: {
        arm: string;
        users: number;
        /** @description Responses. */
        exposures: number;
        items: number;
        fallbacks: components['schemas']['ArmFigure'];
        outcomes: components['schemas']['ArmOutcome'][];
      }[];
      shadow: {
        arm: string;
        responses: number;
        items: number;
        /** @description Items of the shadow arm that users saw. */
        shown: number;
        /** @description Shown items with an outcome. */
        chosen: number;
        /** @description Shown items with an outcome that the shadow arm contains, too. */
        chosenHeld: number;
      }[];
      counts: {
        exposures: number;
        pages: number;
        orphanPages: number;
        repeated: number;
        withoutUser: number;
        unknownArm: number;
        /** @description Responses so recent that outcomes may follow. */
        open: number;
        /** @description Users seen in more than one arm. They are excluded. */
        crossedUsers: number;
        crossedExposures: number;
      };
      /** @description The newest 60 days of the window, ascending. */
      days: components['schemas']['ExperimentDay'][];
    };
    ExperimentsResponse: {
      experiments: components['schemas']['DeclaredExperiment'][];
    };
    /** @description The origin of an artifact. */
    Lineage: {
      /** @description Null for the lineage of a model or dataset. */
      bundle: {
        id: string;
        /** @description Whether the artifact was deleted. */
        isGone: boolean;
        /** @description The end of its data, epoch milliseconds. */
        asOf?: number;
        /** @description When the bundle became current, oldest first. */
        promotions: {
          number: number;
          /** @description `promote` or `rollback`. */
          kind: string;
          /** @description Epoch milliseconds. */
          at: number;
          by: string;
          reason?: string;
          run?: {
            runId: string;
            day: string;
          };
        }[];
      } | null;
      /** @description Null if unknown. */
      model: {
        id: string;
        /** @description Whether the artifact was deleted. */
        isGone: boolean;
        /** @description The model of a warm start. */
        startedFrom?: string | null;
      } | null;
      /** @description Null if unknown. */
      dataset: {
        id: string;
        /** @description Whether the artifact was deleted. */
        isGone: boolean;
        window?: {
          /** @description Epoch milliseconds. */
          occurredBefore: number;
          /** @description Epoch milliseconds. */
          receivedBefore: number;
          /** @description Epoch milliseconds. */
          testFrom: number;
        };
        counts?: {
          [key: string]: number;
        };
      } | null;
      /** @description Null if the dataset is unknown or deleted. */
      lake: {
        /** @description The number of the record in the transaction log. */
        version: number;
        /** @description The first unread offset by source. */
        offsets: {
          [key: string]: number;
        };
        files: {
          path: string;
          sha256: string;
          rows: number;
          /** @description Whether a compaction or an erasure has replaced the file. */
          isGone: boolean;
        }[];
        catalog: {
          path: string;
          sha256: string;
        }[];
      } | null;
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
    /** @description A refresh of one data day. */
    Refresh: {
      run: {
        runId: string;
        /** @description The data day. */
        day: string;
        cut: {
          /** @description Epoch milliseconds. */
          occurredBefore: number;
          /** @description Epoch milliseconds. */
          receivedBefore: number;
        };
        isForced: boolean;
        isFull: boolean;
        /**
         * @description `here`: `facet refresh` executes the stages in its own process. `queue`: workers execute them.
         * @enum {unknown}
         */
        place: 'here' | 'queue';
        requestedBy: string;
        /** @description Epoch milliseconds. */
        requestedAt: number;
      };
      /** @enum {unknown} */
      state: 'waiting' | 'running' | 'promoted' | 'rejected' | 'skipped' | 'failed' | 'cancelled';
      /** @description Why the run was rejected, skipped or cancelled, or has failed. */
      reason?: string;
      stages: {
        /** @enum {unknown} */
        stage: 'dataset' | 'train' | 'evaluate' | 'index' | 'gate' | 'promote';
        state: 'running' | 'finished' | 'failed';
        /** @description 1 for the first. */
        attempt: number;
        /** @description Epoch milliseconds. */
        startedAt: number;
        /** @description Epoch milliseconds. */
        endedAt?: number;
        /** @description Whether an earlier result was reused. */
        isReused?: boolean;
        willRetry?: boolean;
        /** @description The outputs of the stages up to this one. */
        outputs?: {
          datasetId?: string;
          /** @description The model that training started from. */
          warmFrom?: string;
          modelId?: string;
          start?: 'full' | 'warm';
          bundleId?: string;
          incumbentId?: string | null;
          verdict?: 'pass' | 'reject';
          reasons?: string[];
          skipped?: string;
          /** @description The number of the record in the promotion log. */
          promotion?: number;
        };
        problem?: {
          code: string;
          message: string;
          remedy?: string;
        };
      }[];
    };
    RefreshRequest: {
      /** @description Default: the newest day that is over in the time zone of the schedule. */
      day?: string;
      /**
       * @description Runs even if nothing is new or the day was refreshed before.
       * @default false
       */
      force?: boolean;
      /**
       * @description Trains from the beginning.
       * @default false
       */
      full?: boolean;
    };
    Schedule: {
      /** @description Five or six cron fields, or `off`. */
      cron: string;
      /** @description The time zone of the cron pattern and of the data days. */
      timeZone: string;
      /** @description The time from the due time to the promotion. */
      promoteWithinHours: number;
      /** @description The next refreshes, soonest first; none without a schedule. */
      next: {
        /** @description The data day. */
        day: string;
        /** @description Epoch milliseconds. */
        dueAt: number;
        /** @description Epoch milliseconds. The refresh is overdue after this time. */
        promoteBefore: number;
      }[];
      /** @description The newest day whose run was promoted or skipped. */
      completedDay: string | null;
      /** @description Seconds since a newer bundle should have been promoted; 0 in time. */
      overdueSeconds: number;
      /** @description Whether this trainer maintains the schedule. One trainer does. */
      isHolder: boolean;
      /** @description The jobs of the workers; null during an outage of Redis. */
      queue: {
        /** @description Number of jobs by state. */
        trainer: {
          [key: string]: number;
        };
        /** @description Number of jobs by state. */
        indexer: {
          [key: string]: number;
        };
      } | null;
    };
    /** @description The training curves of a model. */
    Training: {
      modelId: string;
      start: 'full' | 'warm';
      /** @description The model of a warm start. */
      startedFrom: string | null;
      /** @description The epoch of the fit with the best recall. */
      bestEpoch: number;
      epochs: {
        phase: 'fit' | 'refit';
        epoch: number;
        /** @description The mean loss of its batches. */
        loss: number;
        /** @description Recall@50 in the validation window; absent in a refit. */
        recall?: number;
        examples: number;
      }[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type ArmFigure = components['schemas']['ArmFigure'];
export type ArmOutcome = components['schemas']['ArmOutcome'];
export type CancelRequest = components['schemas']['CancelRequest'];
export type DeclaredExperiment = components['schemas']['DeclaredExperiment'];
export type ExperimentDay = components['schemas']['ExperimentDay'];
export type ExperimentReport = components['schemas']['ExperimentReport'];
export type ExperimentsResponse = components['schemas']['ExperimentsResponse'];
export type Lineage = components['schemas']['Lineage'];
export type Problem = components['schemas']['Problem'];
export type Refresh = components['schemas']['Refresh'];
export type RefreshRequest = components['schemas']['RefreshRequest'];
export type Schedule = components['schemas']['Schedule'];
export type Training = components['schemas']['Training'];
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
            /** @description The run and stage that the worker executes; empty when idle. */
            working: string;
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
  listRefreshes: {
    parameters: {
      query?: {
        /** @description Number of runs: 1 to 1000, default 30. */
        limit?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The newest day first. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            refreshes: components['schemas']['Refresh'][];
          };
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
  requestRefresh: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RefreshRequest'];
      };
    };
    responses: {
      /** @description A refresh of one data day. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Refresh'];
        };
      };
      /** @description A refresh of one data day. */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Refresh'];
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
  readRefresh: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        runId: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A refresh of one data day. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Refresh'];
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
  cancelRefresh: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        runId: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        /**
         * @example {
         *       "reason": "The import of Tuesday was wrong."
         *     }
         */
        'application/json': components['schemas']['CancelRequest'];
      };
    };
    responses: {
      /** @description A refresh of one data day. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Refresh'];
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
  followRefresh: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        runId: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Default Response */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  readSchedule: {
    parameters: {
      query?: never;
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
           *       "cron": "30 2 * * *",
           *       "timeZone": "UTC",
           *       "promoteWithinHours": 6,
           *       "next": [
           *         {
           *           "day": "2026-01-31",
           *           "dueAt": 1769913000000,
           *           "promoteBefore": 1769934600000
           *         }
           *       ],
           *       "completedDay": "2026-01-30",
           *       "overdueSeconds": 0,
           *       "isHolder": true,
           *       "queue": {
           *         "trainer": {
           *           "waiting": 0,
           *           "active": 0
           *         },
           *         "indexer": {
           *           "waiting": 0,
           *           "active": 0
           *         }
           *       }
           *     }
           */
          'application/json': components['schemas']['Schedule'];
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
  traceLineage: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @example eb342103ec0057bad650138446eee7d9 */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The origin of an artifact. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundle": {
           *         "id": "eb342103ec0057bad650138446eee7d9",
           *         "isGone": true,
           *         "promotions": []
           *       },
           *       "model": null,
           *       "dataset": null,
           *       "lake": null
           *     }
           */
          'application/json': components['schemas']['Lineage'];
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
  readTraining: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @example eb342103ec0057bad650138446eee7d9 */
        modelId: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The training curves of a model. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "modelId": "eb342103ec0057bad650138446eee7d9",
           *       "start": "full",
           *       "startedFrom": null,
           *       "bestEpoch": 1,
           *       "epochs": [
           *         {
           *           "phase": "fit",
           *           "epoch": 1,
           *           "loss": 6.31,
           *           "recall": 0.21,
           *           "examples": 90213
           *         }
           *       ]
           *     }
           */
          'application/json': components['schemas']['Training'];
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
  listExperiments: {
    parameters: {
      query?: never;
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
           *       "experiments": []
           *     }
           */
          'application/json': components['schemas']['ExperimentsResponse'];
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
  reportExperiment: {
    parameters: {
      query?: {
        /** @description Start of the responses, RFC 3339. Default: that of the experiment. */
        from?: string;
        /** @description End of the responses, RFC 3339. Default: that of the experiment. */
        before?: string;
        /**
         * @description Event types that count as outcomes, separated by commas. Default: click,purchase.
         * @example click,purchase
         */
        outcomes?: string;
        /** @description Hours after a response in which outcomes count. Default: 24. */
        windowHours?: string;
      };
      header?: never;
      path: {
        /** @example merge-2026-02 */
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The arms of an experiment. Intervals are 95 %, over users. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "experiment": "merge-2026-02",
           *       "windowHours": 24,
           *       "computedAt": 1769904000000,
           *       "damagedLines": 0,
           *       "arms": [],
           *       "shadow": [],
           *       "counts": {
           *         "exposures": 0,
           *         "pages": 0,
           *         "orphanPages": 0,
           *         "repeated": 0,
           *         "withoutUser": 0,
           *         "unknownArm": 0,
           *         "open": 0,
           *         "crossedUsers": 0,
           *         "crossedExposures": 0
           *       },
           *       "days": []
           *     }
           */
          'application/json': components['schemas']['ExperimentReport'];
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
