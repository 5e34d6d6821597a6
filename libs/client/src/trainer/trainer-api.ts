/** Generated from openapi/trainer.json by `npm run openapi`. Do not edit. */

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
    /** Whether the worker can take jobs: the queue responds */
    readonly get: operations['checkReady'];
  };
  readonly '/v1/refreshes': {
    /** List the newest runs */
    readonly get: operations['listRefreshes'];
    /**
     * Retrain on the data of a day
     * @description Returns 202 with a new run. Returns 200 with the existing run if the request would only repeat it: the run is in progress, or it was promoted, rejected or skipped and force is not set.
     */
    readonly post: operations['requestRefresh'];
  };
  readonly '/v1/refreshes/{runId}': {
    /** Read a run */
    readonly get: operations['readRefresh'];
  };
  readonly '/v1/refreshes/{runId}/cancel': {
    /** Cancel a run; a run that has ended does not change */
    readonly post: operations['cancelRefresh'];
  };
  readonly '/v1/refreshes/{runId}/events': {
    /**
     * Follow a run as server-sent events until it has ended
     * @description `report`: the run, at first and after every change. `progress`: the progress of its stage.
     */
    readonly get: operations['followRefresh'];
  };
  readonly '/v1/schedule': {
    /** Read when the next refreshes are due, and whether one is overdue */
    readonly get: operations['readSchedule'];
  };
  readonly '/v1/lineage/{id}': {
    /** Trace a bundle, model or dataset back to the files and offsets of the lake */
    readonly get: operations['traceLineage'];
  };
  readonly '/v1/models/{modelId}/training': {
    /** Read the training curves of a model */
    readonly get: operations['readTraining'];
  };
  readonly '/v1/experiments': {
    /** List the experiments that facet.yaml declares */
    readonly get: operations['listExperiments'];
  };
  readonly '/v1/experiments/{name}/report': {
    /**
     * Compare the arms of an experiment
     * @description Joins the exposure log with events that name the recommendation and one of its items. The report is at most a minute old. An experiment without responses has zeros.
     */
    readonly get: operations['reportExperiment'];
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** @description A metric of an arm. */
    readonly ArmFigure: {
      /** @description The value with its 95 % interval over users; absent without data. */
      readonly estimate?: {
        readonly value: number;
        readonly low?: number;
        readonly high?: number;
      };
      /** @description The difference from the control; absent for the control. */
      readonly difference?: {
        readonly value: number;
        readonly low: number;
        readonly high: number;
        readonly pValue: number;
        /** @description Divided by the control. */
        readonly relative?: number;
      };
    };
    /** @description ofExposures: share of responses with the outcome. perUser: the same share, averaged over users. ofUsers: share of users with the outcome. */
    readonly ArmOutcome: {
      /** @description An event type. */
      readonly outcome: string;
      readonly ofExposures: components['schemas']['ArmFigure'];
      readonly perUser: components['schemas']['ArmFigure'];
      readonly ofUsers: components['schemas']['ArmFigure'];
      readonly interests: readonly {
        /** @description The number of the interest of the items, from 1; null for none. */
        readonly interest: number | null;
        readonly itemsShown: number;
        readonly itemsChosen: number;
        readonly ofItems: components['schemas']['ArmFigure'];
        /** @description Share of all items with the outcome. */
        readonly shareOfChosen?: number;
      }[];
    };
    readonly CancelRequest: {
      readonly reason?: string;
    };
    readonly DeclaredExperiment: {
      readonly name: string;
      /** @enum {unknown} */
      readonly state: 'scheduled' | 'running' | 'ended';
      /** @description Epoch milliseconds; absent without a start. */
      readonly from?: number;
      /** @description Epoch milliseconds; absent without an end. */
      readonly before?: number;
      /** @description Share of users who participate. */
      readonly share: number;
      /** @description The control first. */
      readonly arms: readonly {
        readonly name: string;
        readonly weight: number;
        /** @description The settings that the arm changes, as in facet.yaml. */
        readonly settings: {
          readonly [key: string]: unknown;
        };
      }[];
      /** @description Arms that are computed and logged but not shown. */
      readonly shadow: readonly {
        readonly name: string;
        readonly share: number;
        /** @description The settings that the arm changes, as in facet.yaml. */
        readonly settings: {
          readonly [key: string]: unknown;
        };
      }[];
    };
    readonly ExperimentDay: {
      /** @description A UTC day, YYYY-MM-DD. */
      readonly day: string;
      readonly arms: readonly {
        readonly arm: string;
        readonly users: number;
        readonly exposures: number;
        readonly outcomes: readonly {
          readonly outcome: string;
          readonly ofExposures: components['schemas']['ArmFigure'];
        }[];
      }[];
    };
    /** @description The arms of an experiment. Intervals are 95 %, over users. */
    readonly ExperimentReport: {
      readonly experiment: string;
      /** @description Epoch milliseconds. */
      readonly from?: number;
      /** @description Epoch milliseconds. */
      readonly before?: number;
      readonly windowHours: number;
      /** @description Epoch milliseconds. */
      readonly computedAt: number;
      /** @description Lines of the exposure log that cannot be read. */
      readonly damagedLines: number;
      /** @description Whether users are split between the arms by their weights; absent without users. */
      readonly sampleRatio?: {
        readonly chiSquare: number;
        readonly degrees: number;
        readonly pValue: number;
        /** @description The arms are not comparable. Ignore their differences. */
        readonly isMismatch: boolean;
        /** @description Users by arm that the weights imply. */
        readonly expected: readonly number[];
      };
      /** @description The control first. */
      readonly arms: readonly {
        readonly arm: string;
        readonly users: number;
        /** @description Responses. */
        readonly exposures: number;
        readonly items: number;
        readonly fallbacks: components['schemas']['ArmFigure'];
        readonly outcomes: readonly components['schemas']['ArmOutcome'][];
      }[];
      readonly shadow: readonly {
        readonly arm: string;
        readonly responses: number;
        readonly items: number;
        /** @description Items of the shadow arm that users saw. */
        readonly shown: number;
        /** @description Shown items with an outcome. */
        readonly chosen: number;
        /** @description Shown items with an outcome that the shadow arm contains, too. */
        readonly chosenHeld: number;
      }[];
      readonly counts: {
        readonly exposures: number;
        readonly pages: number;
        readonly orphanPages: number;
        readonly repeated: number;
        readonly withoutUser: number;
        readonly unknownArm: number;
        /** @description Responses so recent that outcomes may follow. */
        readonly open: number;
        /** @description Users seen in more than one arm. They are excluded. */
        readonly crossedUsers: number;
        readonly crossedExposures: number;
      };
      /** @description The newest 60 days of the window, ascending. */
      readonly days: readonly components['schemas']['ExperimentDay'][];
    };
    readonly ExperimentsResponse: {
      readonly experiments: readonly components['schemas']['DeclaredExperiment'][];
    };
    /** @description The origin of an artifact. */
    readonly Lineage: {
      /** @description Null for the lineage of a model or dataset. */
      readonly bundle: {
        readonly id: string;
        /** @description Whether the artifact was deleted. */
        readonly isGone: boolean;
        /** @description The end of its data, epoch milliseconds. */
        readonly asOf?: number;
        /** @description When the bundle became current, oldest first. */
        readonly promotions: readonly {
          readonly number: number;
          /** @description `promote` or `rollback`. */
          readonly kind: string;
          /** @description Epoch milliseconds. */
          readonly at: number;
          readonly by: string;
          readonly reason?: string;
          readonly run?: {
            readonly runId: string;
            readonly day: string;
          };
        }[];
      } | null;
      /** @description Null if unknown. */
      readonly model: {
        readonly id: string;
        /** @description Whether the artifact was deleted. */
        readonly isGone: boolean;
        /** @description The model of a warm start. */
        readonly startedFrom?: string | null;
        /** @description K: the largest number of interests that the model infers. */
        readonly interests?: number;
        /** @description The labels that the model was trained with: `next`, `moment`, `share` or `window`. */
        readonly labels?: string;
        /** @description Validation Recall@50 of each compared fit. Absent if the training made only one fit. */
        readonly fitScores?: readonly {
          readonly interests: number;
          readonly labels: string;
          readonly score: number;
        }[];
      } | null;
      /** @description Null if unknown. */
      readonly dataset: {
        readonly id: string;
        /** @description Whether the artifact was deleted. */
        readonly isGone: boolean;
        readonly window?: {
          /** @description Epoch milliseconds. */
          readonly occurredBefore: number;
          /** @description Epoch milliseconds. */
          readonly receivedBefore: number;
          /** @description Epoch milliseconds. */
          readonly testFrom: number;
        };
        readonly counts?: {
          readonly [key: string]: number;
        };
        /** @description The run that accepted bad days, why, and the days with their reasons. */
        readonly acceptedBadData?: {
          readonly runId: string;
          readonly reason: string;
          readonly days: readonly string[];
        };
      } | null;
      /** @description Null if the dataset is unknown or deleted. */
      readonly lake: {
        /** @description The number of the record in the transaction log. */
        readonly version: number;
        /** @description The first unread offset by source. */
        readonly offsets: {
          readonly [key: string]: number;
        };
        readonly files: readonly {
          readonly path: string;
          readonly sha256: string;
          readonly rows: number;
          /** @description Whether a compaction or an erasure has replaced the file. */
          readonly isGone: boolean;
        }[];
        readonly catalog: readonly {
          readonly path: string;
          readonly sha256: string;
        }[];
      } | null;
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
    /** @description A refresh of one data day. */
    readonly Refresh: {
      readonly run: {
        readonly runId: string;
        /** @description The data day. */
        readonly day: string;
        readonly cut: {
          /** @description Epoch milliseconds. */
          readonly occurredBefore: number;
          /** @description Epoch milliseconds. */
          readonly receivedBefore: number;
        };
        readonly isForced: boolean;
        readonly isFull: boolean;
        /** @description Why bad days do not stop the run. */
        readonly acceptedBadData?: string;
        /**
         * @description `here`: `facet refresh` executes the stages in its own process. `queue`: workers execute them.
         * @enum {unknown}
         */
        readonly place: 'here' | 'queue';
        readonly requestedBy: string;
        /** @description Epoch milliseconds. */
        readonly requestedAt: number;
      };
      /** @enum {unknown} */
      readonly state: 'waiting' | 'running' | 'promoted' | 'rejected' | 'skipped' | 'failed' | 'cancelled';
      /** @description Why the run was rejected, skipped or cancelled, or has failed. */
      readonly reason?: string;
      readonly stages: readonly {
        /** @enum {unknown} */
        readonly stage: 'dataset' | 'train' | 'evaluate' | 'index' | 'gate' | 'promote';
        readonly state: 'running' | 'finished' | 'failed';
        /** @description 1 for the first. */
        readonly attempt: number;
        /** @description Epoch milliseconds. */
        readonly startedAt: number;
        /** @description Epoch milliseconds. */
        readonly endedAt?: number;
        /** @description Whether an earlier result was reused. */
        readonly isReused?: boolean;
        readonly willRetry?: boolean;
        /** @description The outputs of the stages up to this one. */
        readonly outputs?: {
          readonly datasetId?: string;
          /** @description The bad days that the run accepted, each with its reasons. */
          readonly badDays?: readonly string[];
          /** @description The model that training started from. */
          readonly warmFrom?: string;
          readonly modelId?: string;
          readonly start?: 'full' | 'warm';
          readonly bundleId?: string;
          readonly incumbentId?: string | null;
          readonly verdict?: 'pass' | 'reject';
          readonly reasons?: readonly string[];
          /** @description Whether the evaluated window has fewer users than the gate requires. */
          readonly hasTooFewUsers?: boolean;
          readonly skipped?: string;
          /** @description The number of the record in the promotion log. */
          readonly promotion?: number;
        };
        readonly problem?: {
          readonly code: string;
          readonly message: string;
          readonly remedy?: string;
        };
      }[];
    };
    readonly RefreshRequest: {
      /** @description Default: the newest day that is over in the time zone of the schedule. */
      readonly day?: string;
      /**
       * @description Runs even if nothing is new or the day was refreshed before.
       * @default false
       */
      readonly force?: boolean;
      /**
       * @description Trains from the beginning.
       * @default false
       */
      readonly full?: boolean;
      /** @description Why days with bad data do not stop the run. The reason is recorded. */
      readonly acceptBadData?: string;
    };
    readonly Schedule: {
      /** @description Five or six cron fields, or `off`. */
      readonly cron: string;
      /** @description The time zone of the cron pattern and of the data days. */
      readonly timeZone: string;
      /** @description The time from the due time to the promotion. */
      readonly promoteWithinHours: number;
      /** @description The next refreshes, soonest first; none without a schedule. */
      readonly next: readonly {
        /** @description The data day. */
        readonly day: string;
        /** @description Epoch milliseconds. */
        readonly dueAt: number;
        /** @description Epoch milliseconds. The refresh is overdue after this time. */
        readonly promoteBefore: number;
      }[];
      /** @description The newest day whose run was promoted or skipped. */
      readonly completedDay: string | null;
      /** @description Seconds since a newer bundle should have been promoted; 0 in time. */
      readonly overdueSeconds: number;
      /** @description Whether this trainer maintains the schedule. One trainer does. */
      readonly isHolder: boolean;
      /** @description The jobs of the workers; null during an outage of Redis. */
      readonly queue: {
        /** @description Number of jobs by state. */
        readonly trainer: {
          readonly [key: string]: number;
        };
        /** @description Number of jobs by state. */
        readonly indexer: {
          readonly [key: string]: number;
        };
      } | null;
    };
    /** @description The training curves of a model, and the scores that chose its number of interests and its labels. */
    readonly Training: {
      readonly modelId: string;
      readonly start: 'full' | 'warm';
      /** @description The model of a warm start. */
      readonly startedFrom: string | null;
      /** @description K: the largest number of interests that the model infers. */
      readonly interests: number;
      /** @description The labels that the model was trained with: `next`, `moment`, `share` or `window`. */
      readonly labels: string;
      /** @description Validation Recall@50 of each compared fit. Absent if the training made only one fit. */
      readonly fitScores?: readonly {
        readonly interests: number;
        readonly labels: string;
        readonly score: number;
      }[];
      /** @description The epoch of the fit with the best recall. */
      readonly bestEpoch: number;
      readonly epochs: readonly {
        readonly phase: 'fit' | 'refit';
        readonly epoch: number;
        /** @description The mean loss of its batches. */
        readonly loss: number;
        /** @description Recall@50 in the validation window; absent in a refit. */
        readonly recall?: number;
        readonly examples: number;
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
            /** @description The run and stage that the worker executes; empty when idle. */
            readonly working: string;
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
  readonly listRefreshes: {
    readonly parameters: {
      readonly query?: {
        /** @description Number of runs: 1 to 1000, default 30. */
        readonly limit?: string;
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The newest day first. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': {
            readonly refreshes: readonly components['schemas']['Refresh'][];
          };
        };
      };
    };
  };
  readonly requestRefresh: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['RefreshRequest'];
      };
    };
    readonly responses: {
      /** @description A refresh of one data day. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Refresh'];
        };
      };
      /** @description A refresh of one data day. */
      readonly 202: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Refresh'];
        };
      };
    };
  };
  readonly readRefresh: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        readonly runId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description A refresh of one data day. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Refresh'];
        };
      };
    };
  };
  readonly cancelRefresh: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        readonly runId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['CancelRequest'];
      };
    };
    readonly responses: {
      /** @description A refresh of one data day. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Refresh'];
        };
      };
    };
  };
  readonly followRefresh: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @description For example 2026-01-31 or 2026-01-31-2. */
        readonly runId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Default Response */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  readonly readSchedule: {
    readonly parameters: {
      readonly query?: never;
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
          readonly 'application/json': components['schemas']['Schedule'];
        };
      };
    };
  };
  readonly traceLineage: {
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
      /** @description The origin of an artifact. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Lineage'];
        };
      };
    };
  };
  readonly readTraining: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        readonly modelId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The training curves of a model, and the scores that chose its number of interests and its labels. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Training'];
        };
      };
    };
  };
  readonly listExperiments: {
    readonly parameters: {
      readonly query?: never;
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
          readonly 'application/json': components['schemas']['ExperimentsResponse'];
        };
      };
    };
  };
  readonly reportExperiment: {
    readonly parameters: {
      readonly query?: {
        /** @description Start of the responses, RFC 3339, or a UTC day. Default: that of the experiment. */
        readonly from?: string;
        /** @description End of the responses, RFC 3339, or a UTC day. Default: that of the experiment. */
        readonly before?: string;
        /** @description Event types that count as outcomes, separated by commas. Default: click,purchase. */
        readonly outcomes?: string;
        /** @description Hours after a response in which outcomes count. Default: 24. */
        readonly windowHours?: string;
      };
      readonly header?: never;
      readonly path: {
        readonly name: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The arms of an experiment. Intervals are 95 %, over users. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ExperimentReport'];
        };
      };
    };
  };
}
