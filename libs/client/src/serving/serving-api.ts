/** Generated from openapi/serving.json by `npm run openapi`. Do not edit. */

export interface paths {
  readonly '/healthz': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** Whether the process lives */
    readonly get: operations['checkAlive'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/readyz': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** Whether requests can be answered: the bundle and the profiles are loaded */
    readonly get: operations['checkReady'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/metrics': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** Metrics in the text format of Prometheus */
    readonly get: operations['readMetrics'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/recommendations': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly get?: never;
    readonly put?: never;
    /**
     * Items that a user may want next
     * @description Answers from the interests of a user: the stored behaviors of `userId`, those of the request, or both. Somebody of whom nothing is known gets the most popular items, and `source` says why.
     */
    readonly post: operations['recommend'];
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/recommendations:batch': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly get?: never;
    readonly put?: never;
    /**
     * Items for many users at a time
     * @description For offline scoring: one list a user, all of one bundle, in the order of `users`. A user whose behaviors are wrong has a problem in the place of the list; the others are answered. Users are in no experiment, and nothing is recorded: the lists are not shown by this API.
     */
    readonly post: operations['recommendBatch'];
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/bundles': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** The bundles there are */
    readonly get: operations['listBundles'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/bundles/{bundleId}': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** What a bundle was made of, and how good it is */
    readonly get: operations['readBundle'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/refs': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** Which bundle is current, and which one answers */
    readonly get: operations['readRefs'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/bundles/{bundleId}/promote': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly get?: never;
    readonly put?: never;
    /**
     * Makes a bundle current
     * @description Whatever the gate said of it: the reason and the name of the key are recorded.
     */
    readonly post: operations['promoteBundle'];
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/refs/rollback': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly get?: never;
    readonly put?: never;
    /**
     * Makes the previous bundle current
     * @description A second rollback undoes the first. The reason and the name of the key are recorded.
     */
    readonly post: operations['rollBack'];
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/interests': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly get?: never;
    readonly put?: never;
    /**
     * The interests of a user
     * @description What the model sees in the behaviors: each interest with the behaviors that formed it and the items closest to it.
     */
    readonly post: operations['describeInterests'];
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
  readonly '/v1/items/{itemId}/similar': {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /**
     * Items that are like an item
     * @description By the embeddings of the bundle; a new item has that of its attributes. Popularity plays no part; neither the item itself nor what is excluded or not available is returned. An item of which nothing is known has popular ones instead, and `source` says so.
     */
    readonly get: operations['findSimilarItems'];
    readonly put?: never;
    readonly post?: never;
    readonly delete?: never;
    readonly options?: never;
    readonly head?: never;
    readonly patch?: never;
    readonly trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** @description A behavior and its part in an interest; the shares of an interest add up to 1. */
    readonly AnswerBehavior: {
      readonly itemId: string;
      readonly title?: string;
      readonly share: number;
    };
    readonly AnswerInterest: {
      readonly interest: number;
      /** @description What formed it, the largest share first. */
      readonly behaviors: readonly components['schemas']['AnswerBehavior'][];
    };
    readonly AnswerItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description Of the model, or in a fallback: how often it was chosen lately. Merges other than max reorder items. */
      readonly score: number;
      /** @description The interest that found it; absent in a fallback. */
      readonly interest?: number;
      /** @description With explain: the behaviors that shaped that interest most. */
      readonly reasons?: readonly components['schemas']['AnswerBehavior'][];
    };
    /** @description model: found by the interests of the user. popular: the items most chosen lately, and why. */
    readonly AnswerSource:
      | {
          /** @enum {string} */
          readonly kind: 'model';
          /**
           * @description The stored profile could not be read: the answer knows only what the request says.
           * @enum {string}
           */
          readonly reason?: 'profiles_unavailable';
        }
      | {
          /** @enum {string} */
          readonly kind: 'popular';
          /** @description unknown_user: nothing is stored of the userId and the request has no behaviors. no_behaviors: there are none. no_known_items: the bundle knows none of the items. no_interest: the model finds nothing in them. unknown_item: the bundle does not know the item that others should be like. no_features: nobody has chosen that item, and the model knows none of its attributes. profiles_unavailable: the stored profile could not be read, and the request alone gives no interests. */
          readonly reason:
            | 'unknown_user'
            | 'no_behaviors'
            | 'no_known_items'
            | 'no_interest'
            | 'unknown_item'
            | 'no_features'
            | 'profiles_unavailable';
          /** @description Within how many days they were chosen. */
          readonly windowDays?: number;
          /** @description Whose choices come first: users with this attribute. Absent: all. */
          readonly segment?: {
            readonly attribute: string;
            readonly value: string;
            readonly users: number;
          };
        };
    readonly AttributeCondition: {
      /** @description The value is one of these. For a list: any of its values. */
      readonly in?: readonly components['schemas']['FilterValue'][];
      /** @description The value is none of these. For a list: none of its values. */
      readonly notIn?: readonly components['schemas']['FilterValue'][];
      /** @description The value is a number, or a text with a number, of at least this. For a list: any of its values. */
      readonly min?: number;
      /** @description The value is at most this. For a list: the same value that satisfies `min`. */
      readonly max?: number;
    };
    /** @description The lists. */
    readonly BatchAnswer: {
      /** @description Which bundle answered. */
      readonly bundleId: string;
      /** @description Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and request give the same items. Where the bundle is that of an arm, it is the delta of the bundle that is live, which says what is offered. */
      readonly deltaId?: string;
      /** @description One a user, in their order. */
      readonly answers: readonly (components['schemas']['BatchList'] | components['schemas']['BatchProblem'])[];
      /** @description Attributes in the filters that no item has. */
      readonly unknownAttributes?: readonly string[];
    };
    /** @description The list of one user. */
    readonly BatchList: {
      /** @description Send it with the events that follow from this answer. All pages of a list have the same. */
      readonly recommendationId: string;
      readonly source: components['schemas']['AnswerSource'];
      /** @description Best first. */
      readonly items: readonly components['schemas']['AnswerItem'][];
      /** @description With explain, on the first page. */
      readonly interests?: readonly components['schemas']['AnswerInterest'][];
      /** @description The limit. */
      readonly requested: number;
      /** @description Items on this page. Of a whole list it is less than requested only when no more items are allowed. */
      readonly returned: number;
      readonly removed: components['schemas']['RemovedItems'];
      /** @description Different ids in behaviors and exclude that the bundle does not know. */
      readonly unknownItems: number;
    };
    /** @description Why this user has no list. */
    readonly BatchProblem: {
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly remedy?: string;
    };
    /** @description One request for many users. The limit times the users may be at most 100000. */
    readonly BatchRequest: {
      /** @description Who: each as in a request for one. */
      readonly users: readonly {
        /** @description Opaque id of 1 to 256 characters. */
        readonly userId?: string;
        /** @description What the user chose, oldest first. With a userId they come on top of the stored ones. */
        readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
        /** @description Attributes of the user, by name; they win over the stored ones. */
        readonly profile?: {
          readonly [key: string]: string | number | boolean | readonly string[];
        };
      }[];
      /**
       * @description Items in all, over all pages.
       * @default 20
       */
      readonly limit?: number;
      readonly merge?: components['schemas']['Merge'];
      /** @description Names of filters that facet.yaml declares; items must pass all of them. */
      readonly filters?: readonly string[];
      readonly filter?: components['schemas']['ItemFilter'];
      /** @description Where and how is asked, such as device or country; named filters may refer to its fields. */
      readonly context?: {
        readonly [key: string]: components['schemas']['FilterValue'] | readonly components['schemas']['FilterValue'][];
      };
      /** @description Items never to return, whatever the source. */
      readonly exclude?: readonly string[];
      readonly excludeSeen?: components['schemas']['ExcludeSeen'];
      /**
       * @description Adds reasons to items, and the interests.
       * @default false
       */
      readonly explain?: boolean;
    };
    /** @description The bundle. */
    readonly BundleAnswer: {
      readonly bundleId: string;
      readonly state: components['schemas']['BundleState'];
      readonly isLoaded: boolean;
      readonly modelId: string;
      readonly datasetId: string;
      /** @description The end of the data that it was made of, RFC 3339. */
      readonly dataEnd: string;
      readonly items: number;
      readonly index: {
        readonly kind: string;
        /** @description Index recall when it was built. */
        readonly recall: number | null;
        readonly recallAt: number;
      };
      /** @description Held-out metrics of its model. */
      readonly metrics: {
        readonly [key: string]: number;
      };
    };
    /** @description current answers, or will within seconds; previous is what a rollback goes back to. */
    readonly BundleState: 'current' | 'previous' | null;
    readonly BundleSummary: {
      readonly bundleId: string;
      /** @description RFC 3339. */
      readonly builtAt: string;
      readonly state: components['schemas']['BundleState'];
      /** @description Whether this process answers from it. */
      readonly isLoaded: boolean;
    };
    /** @description The bundles of the artifact store. */
    readonly BundlesAnswer: {
      /** @description The newest first. */
      readonly bundles: readonly components['schemas']['BundleSummary'][];
    };
    readonly DescribedInterest: {
      readonly interest: number;
      /** @description What formed it, the largest share first. */
      readonly behaviors: readonly components['schemas']['AnswerBehavior'][];
      /** @description What sets its items apart from the rest of the catalog; the most telling first, often none. */
      readonly labels: readonly components['schemas']['InterestLabel'][];
      /** @description The items closest to it. It is a description: nothing is ruled out, seen items are among them. */
      readonly nearest: readonly components['schemas']['NearestItem'][];
    };
    /** @description Whether items that the user chose before are left out: all of them (true, the default), none (false), or those of a rule. */
    readonly ExcludeSeen:
      | boolean
      | {
          /** @description Only what was chosen by an event of these types, such as purchase. */
          readonly types?: readonly string[];
          /** @description Only what was chosen so lately. */
          readonly withinDays?: number;
        };
    readonly FilterValue: string | number | boolean;
    readonly InterestLabel: {
      readonly attribute: string;
      readonly value: string;
    };
    /** @description The interests. */
    readonly InterestsAnswer: {
      /** @description Which bundle answered. */
      readonly bundleId: string;
      /** @description Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and request give the same items. Where the bundle is that of an arm, it is the delta of the bundle that is live, which says what is offered. */
      readonly deltaId?: string;
      readonly source: components['schemas']['AnswerSource'];
      /** @description K'u: how many interests the model sees in these behaviors. */
      readonly interestCount: number;
      readonly interests: readonly components['schemas']['DescribedInterest'][];
      /** @description Different ids in behaviors that the bundle does not know. */
      readonly unknownItems: number;
    };
    readonly InterestsRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description What the user chose, oldest first. With a userId they come on top of the stored ones. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Attributes of the user, by name; they win over the stored ones. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /**
       * @description Items shown of each interest.
       * @default 10
       */
      readonly nearest?: number;
    };
    /** @description Items must meet all conditions. */
    readonly ItemFilter: {
      /** @description Conditions by attribute name; all must hold. */
      readonly attributes?: {
        readonly [key: string]: components['schemas']['AttributeCondition'];
      };
      /**
       * @description Always so: what is not available is never returned.
       * @enum {boolean}
       */
      readonly available?: true;
    };
    /** @description How the lists of the interests become one; max by default. */
    readonly Merge: {
      /** @description max: an item scores what its best interest gives it (MIND). round-robin: the interests in turn. quota: floors and shares for each interest. diverse: score against the variety of an attribute. */
      readonly by: 'max' | 'round-robin' | 'quota' | 'diverse';
      /** @description quota: the least items of each interest, by its number. */
      readonly floors?: readonly number[];
      /** @description quota: the part of the list that each interest fills, by its number, or equal parts. */
      readonly shares?: 'equal' | readonly number[];
      /** @description diverse: the weight of variety; 0 is max. */
      readonly lambda?: number;
      /** @description diverse: the attribute whose values are to differ, such as category. */
      readonly attribute?: string;
    };
    readonly NearestItem: {
      readonly itemId: string;
      readonly title?: string;
      readonly score: number;
    };
    /** @description Why the request was not answered, and what to do. */
    readonly Problem: {
      /** @description The HTTP status. */
      readonly statusCode: number;
      /** @description Stable; test this, not the message. */
      readonly code: string;
      readonly message: string;
      /** @description What to do about it. */
      readonly remedy?: string;
      /** @description The field of the body at fault, as a path with dots. */
      readonly field?: string;
    };
    readonly PromoteRequest: {
      /** @description Why; it is recorded. */
      readonly because: string;
    };
    /** @description It is current. */
    readonly PromotedAnswer: {
      /** @description The bundle that is current now; processes take it up within seconds. */
      readonly current: string;
    };
    /** @description The items. */
    readonly RecommendationsAnswer: {
      /** @description Send it with the events that follow from this answer. All pages of a list have the same. */
      readonly recommendationId: string;
      /** @description Which bundle answered. */
      readonly bundleId: string;
      /** @description Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and request give the same items. Where the bundle is that of an arm, it is the delta of the bundle that is live, which says what is offered. */
      readonly deltaId?: string;
      readonly source: components['schemas']['AnswerSource'];
      /** @description The arm of each experiment that the user is in. */
      readonly arms?: {
        readonly [key: string]: string;
      };
      /** @description Best first. */
      readonly items: readonly components['schemas']['AnswerItem'][];
      /** @description With explain, on the first page. */
      readonly interests?: readonly components['schemas']['AnswerInterest'][];
      /** @description Place of the first item in the whole list, from 0. */
      readonly position: number;
      /** @description The limit. */
      readonly requested: number;
      /** @description Items on this page. Of a whole list it is less than requested only when no more items are allowed. */
      readonly returned: number;
      readonly removed: components['schemas']['RemovedItems'];
      /** @description Fetches the next page; absent on the last one. */
      readonly nextCursor?: string;
      /** @description Different ids in behaviors and exclude that the bundle does not know. */
      readonly unknownItems: number;
      /** @description Attributes in the filters that no item has. */
      readonly unknownAttributes?: readonly string[];
      /** @description With timings: milliseconds by stage. */
      readonly timings?: {
        readonly [key: string]: number;
      };
    };
    readonly RecommendationsRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description What the user chose, oldest first. With a userId they come on top of the stored ones. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Attributes of the user, by name; they win over the stored ones. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /**
       * @description Items in all, over all pages.
       * @default 20
       */
      readonly limit?: number;
      readonly merge?: components['schemas']['Merge'];
      /** @description Names of filters that facet.yaml declares; items must pass all of them. */
      readonly filters?: readonly string[];
      readonly filter?: components['schemas']['ItemFilter'];
      /** @description Where and how is asked, such as device or country; named filters may refer to its fields. */
      readonly context?: {
        readonly [key: string]: components['schemas']['FilterValue'] | readonly components['schemas']['FilterValue'][];
      };
      /** @description Items never to return, whatever the source. */
      readonly exclude?: readonly string[];
      readonly excludeSeen?: components['schemas']['ExcludeSeen'];
      /**
       * @description Adds reasons to items, and the interests.
       * @default false
       */
      readonly explain?: boolean;
      /** @description Items in this answer; the rest of the limit is fetched with its nextCursor. By default all. */
      readonly pageSize?: number;
      /** @description The nextCursor of an answer: continues its list, which stays as it was. Beside it only pageSize is read. */
      readonly cursor?: string;
      /**
       * @description Adds how long each stage took, in milliseconds.
       * @default false
       */
      readonly timings?: boolean;
    };
    /** @description Which artifacts the names stand for. */
    readonly RefsAnswer: {
      readonly current: string | null;
      readonly previous: string | null;
      readonly delta: string | null;
      /** @description What this process answers from. */
      readonly serving: {
        readonly bundleId: string;
        readonly deltaId?: string;
      };
    };
    /** @description Items of the catalog that were ruled out, each counted once: excluded, else seen, else unavailable, else filtered. */
    readonly RemovedItems: {
      readonly seen: number;
      readonly excluded: number;
      readonly unavailable: number;
      readonly filtered: number;
    };
    /** @description An item that the user chose: its id, or the id with the time and the type of event. Without a time: just now. */
    readonly RequestedBehavior:
      | string
      | {
          /** @description Opaque id of 1 to 256 characters. */
          readonly itemId: string;
          /** @description RFC 3339 text, or epoch milliseconds. */
          readonly occurredAt?: string | number;
          /** @description One of impression, view, click, add_to_cart, purchase, rating, identify, or a type that facet.yaml declares. */
          readonly type?: string;
        };
    readonly RollbackRequest: {
      /** @description Why; it is recorded. */
      readonly because: string;
    };
    readonly SimilarItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description Orders the items of one answer. */
      readonly score: number;
    };
    /** @description The items. */
    readonly SimilarItemsAnswer: {
      /** @description Which bundle answered. */
      readonly bundleId: string;
      /** @description Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and request give the same items. Where the bundle is that of an arm, it is the delta of the bundle that is live, which says what is offered. */
      readonly deltaId?: string;
      readonly itemId: string;
      readonly title?: string;
      readonly source: components['schemas']['AnswerSource'];
      /** @description Most similar first; neither the item itself, nor what is excluded or not available. */
      readonly items: readonly components['schemas']['SimilarItem'][];
      /** @description The limit. */
      readonly requested: number;
      /** @description Less than requested only when no more items are allowed. */
      readonly returned: number;
      /** @description Attributes in the filters that no item has. */
      readonly unknownAttributes?: readonly string[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type AnswerBehavior = components['schemas']['AnswerBehavior'];
export type AnswerInterest = components['schemas']['AnswerInterest'];
export type AnswerItem = components['schemas']['AnswerItem'];
export type AnswerSource = components['schemas']['AnswerSource'];
export type AttributeCondition = components['schemas']['AttributeCondition'];
export type BatchAnswer = components['schemas']['BatchAnswer'];
export type BatchList = components['schemas']['BatchList'];
export type BatchProblem = components['schemas']['BatchProblem'];
export type BatchRequest = components['schemas']['BatchRequest'];
export type BundleAnswer = components['schemas']['BundleAnswer'];
export type BundleState = components['schemas']['BundleState'];
export type BundleSummary = components['schemas']['BundleSummary'];
export type BundlesAnswer = components['schemas']['BundlesAnswer'];
export type DescribedInterest = components['schemas']['DescribedInterest'];
export type ExcludeSeen = components['schemas']['ExcludeSeen'];
export type FilterValue = components['schemas']['FilterValue'];
export type InterestLabel = components['schemas']['InterestLabel'];
export type InterestsAnswer = components['schemas']['InterestsAnswer'];
export type InterestsRequest = components['schemas']['InterestsRequest'];
export type ItemFilter = components['schemas']['ItemFilter'];
export type Merge = components['schemas']['Merge'];
export type NearestItem = components['schemas']['NearestItem'];
export type Problem = components['schemas']['Problem'];
export type PromoteRequest = components['schemas']['PromoteRequest'];
export type PromotedAnswer = components['schemas']['PromotedAnswer'];
export type RecommendationsAnswer = components['schemas']['RecommendationsAnswer'];
export type RecommendationsRequest = components['schemas']['RecommendationsRequest'];
export type RefsAnswer = components['schemas']['RefsAnswer'];
export type RemovedItems = components['schemas']['RemovedItems'];
export type RequestedBehavior = components['schemas']['RequestedBehavior'];
export type RollbackRequest = components['schemas']['RollbackRequest'];
export type SimilarItem = components['schemas']['SimilarItem'];
export type SimilarItemsAnswer = components['schemas']['SimilarItemsAnswer'];
export type $defs = Record<string, never>;
export interface operations {
  readonly checkAlive: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description It does. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "status": "ok"
           *     }
           */
          readonly 'application/json': {
            /** @enum {string} */
            readonly status: 'ok';
          };
        };
      };
      /** @description Why the request was not answered, and what to do. */
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
      /** @description They can. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "status": "ready",
           *       "bundleId": "eb342103ec0057bad650138446eee7d9"
           *     }
           */
          readonly 'application/json': {
            /** @enum {string} */
            readonly status: 'ready';
            readonly bundleId: string;
          };
        };
      };
      /** @description Why the request was not answered, and what to do. */
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
          /** @example process_cpu_seconds_total 12.5 */
          readonly 'text/plain': string;
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly recommend: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['RecommendationsRequest'];
      };
    };
    readonly responses: {
      /** @description The items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "recommendationId": "e6fae55a-a032-4d86-b75d-c93881a47622",
           *       "bundleId": "eb342103ec0057bad650138446eee7d9",
           *       "source": {
           *         "kind": "model"
           *       },
           *       "items": [
           *         {
           *           "itemId": "film-28",
           *           "title": "The film 28",
           *           "score": 4.345,
           *           "interest": 1,
           *           "reasons": [
           *             {
           *               "itemId": "film-16",
           *               "title": "The film 16",
           *               "share": 0.285
           *             }
           *           ]
           *         }
           *       ],
           *       "interests": [
           *         {
           *           "interest": 0,
           *           "behaviors": [
           *             {
           *               "itemId": "film-3",
           *               "title": "The film 3",
           *               "share": 1
           *             }
           *           ]
           *         },
           *         {
           *           "interest": 1,
           *           "behaviors": [
           *             {
           *               "itemId": "film-16",
           *               "title": "The film 16",
           *               "share": 1
           *             }
           *           ]
           *         }
           *       ],
           *       "position": 0,
           *       "requested": 1,
           *       "returned": 1,
           *       "removed": {
           *         "seen": 10,
           *         "excluded": 0,
           *         "unavailable": 2,
           *         "filtered": 0
           *       },
           *       "unknownItems": 0
           *     }
           */
          readonly 'application/json': components['schemas']['RecommendationsAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly recommendBatch: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** @description One request for many users. The limit times the users may be at most 100000. */
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *       "users": [
         *         {
         *           "userId": "ada"
         *         },
         *         {
         *           "behaviors": [
         *             "film-3",
         *             "film-16"
         *           ]
         *         }
         *       ],
         *       "limit": 10
         *     }
         */
        readonly 'application/json': components['schemas']['BatchRequest'];
      };
    };
    readonly responses: {
      /** @description The lists. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundleId": "eb342103ec0057bad650138446eee7d9",
           *       "answers": [
           *         {
           *           "recommendationId": "3f0c41f5-2f0c-4d4b-9f57-0d8f8a1f4f0e",
           *           "source": {
           *             "kind": "model"
           *           },
           *           "items": [
           *             {
           *               "itemId": "film-28",
           *               "title": "The film 28",
           *               "score": 4.345,
           *               "interest": 1
           *             }
           *           ],
           *           "requested": 1,
           *           "returned": 1,
           *           "removed": {
           *             "seen": 10,
           *             "excluded": 0,
           *             "unavailable": 2,
           *             "filtered": 0
           *           },
           *           "unknownItems": 0
           *         },
           *         {
           *           "code": "REQUEST_INVALID",
           *           "message": "users.1.behaviors.0.occurredAt is not a moment of the calendar.",
           *           "field": "users.1.behaviors.0.occurredAt"
           *         }
           *       ]
           *     }
           */
          readonly 'application/json': components['schemas']['BatchAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly listBundles: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The bundles of the artifact store. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundles": [
           *         {
           *           "bundleId": "eb342103ec0057bad650138446eee7d9",
           *           "builtAt": "2026-03-01T04:12:09.000Z",
           *           "state": "current",
           *           "isLoaded": true
           *         }
           *       ]
           *     }
           */
          readonly 'application/json': components['schemas']['BundlesAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly readBundle: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @example eb342103ec0057bad650138446eee7d9 */
        readonly bundleId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The bundle. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundleId": "eb342103ec0057bad650138446eee7d9",
           *       "state": "current",
           *       "isLoaded": true,
           *       "modelId": "5a0c1d4f8b7e4d0f9c3b2a1908f7e6d5",
           *       "datasetId": "0f9e8d7c6b5a49382716f5e4d3c2b1a0",
           *       "dataEnd": "2026-03-01T00:00:00.000Z",
           *       "items": 1682,
           *       "index": {
           *         "kind": "flat",
           *         "recall": 1,
           *         "recallAt": 200
           *       },
           *       "metrics": {
           *         "recall@20": 0.184
           *       }
           *     }
           */
          readonly 'application/json': components['schemas']['BundleAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly readRefs: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Which artifacts the names stand for. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "current": "eb342103ec0057bad650138446eee7d9",
           *       "previous": null,
           *       "delta": null,
           *       "serving": {
           *         "bundleId": "eb342103ec0057bad650138446eee7d9"
           *       }
           *     }
           */
          readonly 'application/json': components['schemas']['RefsAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly promoteBundle: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @example eb342103ec0057bad650138446eee7d9 */
        readonly bundleId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *       "because": "Its answers for new users were looked through."
         *     }
         */
        readonly 'application/json': components['schemas']['PromoteRequest'];
      };
    };
    readonly responses: {
      /** @description It is current. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "current": "eb342103ec0057bad650138446eee7d9"
           *     }
           */
          readonly 'application/json': components['schemas']['PromotedAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly rollBack: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *       "because": "Empty pages since noon."
         *     }
         */
        readonly 'application/json': components['schemas']['RollbackRequest'];
      };
    };
    readonly responses: {
      /** @description It is current. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "current": "eb342103ec0057bad650138446eee7d9"
           *     }
           */
          readonly 'application/json': components['schemas']['PromotedAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly describeInterests: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *       "userId": "ada",
         *       "nearest": 1
         *     }
         */
        readonly 'application/json': components['schemas']['InterestsRequest'];
      };
    };
    readonly responses: {
      /** @description The interests. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundleId": "eb342103ec0057bad650138446eee7d9",
           *       "source": {
           *         "kind": "model"
           *       },
           *       "interestCount": 1,
           *       "interests": [
           *         {
           *           "interest": 0,
           *           "behaviors": [
           *             {
           *               "itemId": "film-3",
           *               "title": "The film 3",
           *               "share": 1
           *             }
           *           ],
           *           "labels": [
           *             {
           *               "attribute": "genre",
           *               "value": "space"
           *             }
           *           ],
           *           "nearest": [
           *             {
           *               "itemId": "film-7",
           *               "title": "The film 7",
           *               "score": 3.25
           *             }
           *           ]
           *         }
           *       ],
           *       "unknownItems": 0
           *     }
           */
          readonly 'application/json': components['schemas']['InterestsAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
  readonly findSimilarItems: {
    readonly parameters: {
      readonly query?: {
        /**
         * @description 1 to 1000, 20 by default.
         * @example 5
         */
        readonly limit?: string;
        /**
         * @description Names of filters that facet.yaml declares, with commas between them; items must pass all of them.
         * @example affordable
         */
        readonly filters?: string;
        /**
         * @description Where and how is asked, as an object in JSON; named filters may refer to its fields.
         * @example {"budget":30}
         */
        readonly context?: string;
        /**
         * @description An item never to return; repeat it for more.
         * @example film-7
         */
        readonly exclude?: string | readonly string[];
      };
      readonly header?: never;
      readonly path: {
        /**
         * @description Opaque id of 1 to 256 characters.
         * @example film-1
         */
        readonly itemId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          /**
           * @example {
           *       "bundleId": "eb342103ec0057bad650138446eee7d9",
           *       "itemId": "film-1",
           *       "title": "The film 1",
           *       "source": {
           *         "kind": "model"
           *       },
           *       "items": [
           *         {
           *           "itemId": "film-9",
           *           "title": "The film 9",
           *           "score": 0.912
           *         }
           *       ],
           *       "requested": 1,
           *       "returned": 1
           *     }
           */
          readonly 'application/json': components['schemas']['SimilarItemsAnswer'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '4XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
      /** @description Why the request was not answered, and what to do. */
      readonly '5XX': {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['Problem'];
        };
      };
    };
  };
}
