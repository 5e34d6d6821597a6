/** Generated from openapi/serving.json by `npm run openapi`. Do not edit. */

export interface paths {
  readonly '/healthz': {
    /** Check whether the process is alive */
    readonly get: operations['checkAlive'];
  };
  readonly '/readyz': {
    /** Check whether the bundle and the profiles are loaded */
    readonly get: operations['checkReady'];
  };
  readonly '/metrics': {
    /** Read the metrics in the Prometheus text format */
    readonly get: operations['readMetrics'];
  };
  readonly '/v1/trends': {
    /**
     * Read latency, fallbacks and index recall of the last day
     * @description The readings are in memory since the start of the process. Use Prometheus to keep them for longer.
     */
    readonly get: operations['readTrends'];
  };
  readonly '/v1/recommendations': {
    /**
     * Recommend items to a user
     * @description Uses the stored behaviors of `userId`, the behaviors of the request, or both. An unknown user gets popular items, and `source` has the reason.
     */
    readonly post: operations['recommend'];
  };
  readonly '/v1/recommendations:batch': {
    /**
     * Recommend items to many users
     * @description For offline scoring: one list for each user, in the order of `users`, all from the same bundle. A user with invalid behaviors gets a problem instead of a list. Users enter no experiment, and nothing is recorded.
     */
    readonly post: operations['recommendBatch'];
  };
  readonly '/v1/bundles': {
    /** List the bundles */
    readonly get: operations['listBundles'];
  };
  readonly '/v1/bundles/{bundleId}': {
    /** Read the origin and the quality of a bundle */
    readonly get: operations['readBundle'];
  };
  readonly '/v1/refs': {
    /** Read which bundle is current and which one is live */
    readonly get: operations['readRefs'];
  };
  readonly '/v1/bundles/{bundleId}/promote': {
    /**
     * Promote a bundle
     * @description Ignores the verdict of the gate. The promotion log records the reason and the name of the key.
     */
    readonly post: operations['promoteBundle'];
  };
  readonly '/v1/refs/rollback': {
    /**
     * Restore the previous bundle
     * @description A second rollback undoes the first. The promotion log records the reason and the name of the key.
     */
    readonly post: operations['rollBack'];
  };
  readonly '/v1/arms': {
    /** List the arms that facet.yaml declares */
    readonly get: operations['listArms'];
  };
  readonly '/v1/recommendations:preview': {
    /**
     * Recommend items by another bundle or arm
     * @description Loads the bundle if it is not live, and recommends from the live catalog. The first request for a bundle may take seconds. The user enters no experiment, and nothing is recorded.
     */
    readonly post: operations['previewRecommendations'];
  };
  readonly '/v1/comparisons': {
    /**
     * Compare two bundles, arms or merges over a sample of users
     * @description Makes the lists of both sides at the start of the held-out window, on which neither bundle was trained, in a low-priority process. Returns the result, or the progress after five seconds: repeat the request to follow it.
     */
    readonly post: operations['compareSides'];
  };
  readonly '/v1/bundles/{bundleId}/gate': {
    /** Read the newest verdict of the gate about a bundle */
    readonly get: operations['readGate'];
    /**
     * Compare a bundle with the current bundle by the gate
     * @description Runs in a low-priority process and stores the report, like `facet gate`. Promotes nothing. Returns the report, or the progress after five seconds: repeat the request to follow it.
     */
    readonly post: operations['runGate'];
  };
  readonly '/v1/promotions': {
    /** List who made which bundle current, and why */
    readonly get: operations['listPromotions'];
  };
  readonly '/v1/catalog': {
    /** Describe the attributes and filters that requests can refer to */
    readonly get: operations['describeCatalog'];
  };
  readonly '/v1/items': {
    /**
     * Search items by title or id
     * @description All words of `query` must occur in the title, in any order. Case and accents make no difference. Without a query, returns the most popular items.
     */
    readonly get: operations['searchItems'];
  };
  readonly '/v1/item-map': {
    /**
     * Describe the map of the items
     * @description The index stage projects the item embeddings to two dimensions: similar items are near each other.
     */
    readonly get: operations['describeItemMap'];
  };
  readonly '/v1/item-map/columns': {
    /**
     * Read columns of the map as typed arrays
     * @description Returns a [safetensors](https://github.com/huggingface/safetensors) file with one tensor for each column. Row r is item first + r. The metadata has bundleId, deltaId, first and count. Supports If-None-Match.
     */
    readonly get: operations['readItemMapColumns'];
  };
  readonly '/v1/item-map/items': {
    /** Read the facts of items on the map */
    readonly post: operations['lookUpItems'];
  };
  readonly '/v1/rank': {
    /**
     * Score candidates for a user
     * @description Scores up to 1,000 items that another system proposes, such as the results of a search. Users enter no experiment, and nothing is recorded.
     */
    readonly post: operations['rank'];
  };
  readonly '/v1/interests': {
    /**
     * Describe the interests of a user
     * @description Returns each interest with the behaviors that formed it and the items closest to it.
     */
    readonly post: operations['describeInterests'];
  };
  readonly '/v1/items/{itemId}/similar': {
    /**
     * Find items similar to an item
     * @description Compares the embeddings of the bundle; a new item has an embedding of its attributes. Popularity has no influence. An item without an embedding gets popular items, and `source` has the reason.
     */
    readonly get: operations['findSimilarItems'];
  };
  readonly '/v1/users': {
    /**
     * Find users by the start of their id
     * @description Anonymous sessions are left out. A search reads at most 100,000 keys of the profile store, and the ids that it finds are reused for ten seconds. The exact id finds any user immediately.
     */
    readonly get: operations['listUsers'];
  };
  readonly '/v1/users:examples': {
    /**
     * List users with distinct interests
     * @description Compares a sample of users, once for each bundle. Users with a single interest are left out.
     */
    readonly get: operations['listExampleUsers'];
  };
  readonly '/v1/users/{userId}': {
    /** Read the stored behaviors and attributes of a user */
    readonly get: operations['describeUser'];
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** @description An arm or shadow arm of facet.yaml, whose bundle and settings apply. */
    readonly ArmReference: {
      readonly experiment: string;
      readonly name: string;
    };
    /** @description The arms and shadow arms that facet.yaml declares. */
    readonly ArmsResponse: {
      readonly arms: readonly components['schemas']['DeclaredArm'][];
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
    /** @description The list of one user. */
    readonly BatchList: {
      /** @description Send it with the events that result from this response. All pages of a list share it. */
      readonly recommendationId: string;
      readonly source: components['schemas']['ResponseSource'];
      /** @description Best item first. */
      readonly items: readonly components['schemas']['RecommendedItem'][];
      /** @description With explain, on the first page. */
      readonly interests?: readonly components['schemas']['UserInterest'][];
      /** @description The limit. */
      readonly requested: number;
      /** @description Items on this page. A whole list is shorter than requested only if no more items are allowed. */
      readonly returned: number;
      readonly removed: components['schemas']['RemovedItems'];
      /** @description Distinct item ids in behaviors and exclude that the bundle does not know. */
      readonly unknownItems: number;
    };
    /** @description Why this user has no list. */
    readonly BatchProblem: {
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly remedy?: string;
    };
    /** @description A request for many users. The limit times the number of users must not exceed 100000. */
    readonly BatchRequest: {
      /** @description The users, each with the fields of a single request. */
      readonly users: readonly {
        /** @description Opaque id of 1 to 256 characters. */
        readonly userId?: string;
        /** @description Items that the user chose, oldest first. With a userId, they are added to the stored behaviors. */
        readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
        /** @description Items whose stored events are ignored, as if the user had never chosen them. */
        readonly ignore?: readonly string[];
        /** @description Attributes of the user, by name. They override the stored attributes. */
        readonly profile?: {
          readonly [key: string]: string | number | boolean | readonly string[];
        };
      }[];
      /**
       * @description Items on all pages together.
       * @default 20
       */
      readonly limit?: number;
      readonly merge?: components['schemas']['Merge'];
      /** @description K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors. */
      readonly interestCount?: number;
      readonly explore?: components['schemas']['Explore'];
      /** @description Names of filters declared in facet.yaml. Items must pass all of them. */
      readonly filters?: readonly string[];
      readonly filter?: components['schemas']['ItemFilter'];
      /** @description The situation of the request, such as device or country. Named filters may refer to its fields. */
      readonly context?: {
        readonly [key: string]: components['schemas']['FilterValue'] | readonly components['schemas']['FilterValue'][];
      };
      /** @description Items never to return, whatever the source. */
      readonly exclude?: readonly string[];
      readonly excludeSeen?: components['schemas']['ExcludeSeen'];
      /**
       * @description Adds the reasons for each item, and the interests of the user.
       * @default false
       */
      readonly explain?: boolean;
      /** @description Attributes to return with each item, such as price. Titles are always returned. */
      readonly include?: readonly string[];
      /**
       * @description Refuses unknown fields. The remedy suggests the intended field.
       * @default false
       */
      readonly strict?: boolean;
    };
    /** @description The lists of all users. */
    readonly BatchResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      /** @description One list or problem for each user, in request order. */
      readonly responses: readonly (components['schemas']['BatchList'] | components['schemas']['BatchProblem'])[];
      /** @description Attributes named in filters, include or merge that no item has. */
      readonly unknownAttributes?: readonly string[];
    };
    /** @description The bundle. */
    readonly BundleResponse: {
      readonly bundleId: string;
      readonly state: components['schemas']['BundleState'];
      readonly isLoaded: boolean;
      readonly modelId: string;
      readonly datasetId: string;
      /** @description The end of the bundle's data, RFC 3339. */
      readonly dataEnd: string;
      readonly items: number;
      readonly index: {
        readonly kind: string;
        /** @description Index recall, measured at build time. */
        readonly recall: number | null;
        readonly recallAt: number;
      };
      /** @description Held-out metrics of the model. */
      readonly metrics: {
        readonly [key: string]: number;
      };
    };
    /** @description current: live, or going live within seconds. previous: the target of a rollback. */
    readonly BundleState: 'current' | 'previous' | null;
    readonly BundleSummary: {
      readonly bundleId: string;
      /** @description RFC 3339. */
      readonly builtAt: string;
      readonly state: components['schemas']['BundleState'];
      /** @description Whether the bundle is live in this process. */
      readonly isLoaded: boolean;
    };
    /** @description The bundles of the artifact store. */
    readonly BundlesResponse: {
      /** @description Newest first. */
      readonly bundles: readonly components['schemas']['BundleSummary'][];
    };
    readonly CatalogAttribute: {
      readonly name: string;
      readonly type: 'boolean' | 'list' | 'number' | 'text';
      /** @description Number of different texts. Absent for numbers and booleans. */
      readonly distinct?: number;
      /** @description The 100 most frequent texts with the number of their items. Empty for more than 10000 texts. */
      readonly values?: readonly {
        /** @description The code of the text in the columns of the item map. */
        readonly code: number;
        readonly value: string;
        readonly items: number;
      }[];
      /** @description The smallest number. */
      readonly min?: number;
      /** @description The largest number. */
      readonly max?: number;
    };
    /** @description What a request can refer to. */
    readonly CatalogResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      /** @description Items of the catalog, including unavailable ones. */
      readonly items: number;
      /** @description K: the largest number of interests that the model infers. */
      readonly interestsMax: number;
      /** @description The number of behaviors that the model reads, the newest ones. */
      readonly sequenceLength: number;
      /** @description The end of the data of the bundle, RFC 3339 in UTC. */
      readonly dataEnd: string;
      readonly merge: components['schemas']['Merge'];
      /** @description Attributes of the items of the bundle by name. An attribute with values of several types occurs for each type. */
      readonly attributes: readonly components['schemas']['CatalogAttribute'][];
      /** @description The filters that facet.yaml declares. */
      readonly filters: readonly {
        readonly name: string;
        /** @description The fields of the request's context that the filter reads. */
        readonly context: readonly string[];
      }[];
    };
    readonly ComparisonRequest: {
      readonly before: components['schemas']['Side'];
      readonly after: components['schemas']['Side'];
      /**
       * @description Users in the sample.
       * @default 100
       */
      readonly users?: number;
      /**
       * @description Length of the lists.
       * @default 50
       */
      readonly limit?: number;
    };
    /** @description The comparison, or its progress: repeat the request to follow it. */
    readonly ComparisonResponse: {
      readonly state: 'running' | 'finished';
      /** @description From 0 to 1. */
      readonly progress: number;
      readonly before: components['schemas']['ResolvedSide'];
      readonly after: components['schemas']['ResolvedSide'];
      readonly limit: number;
      readonly result?: components['schemas']['SampleComparison'];
    };
    readonly DeclaredArm: {
      readonly experiment: string;
      readonly name: string;
      readonly isShadow: boolean;
      readonly isRunning: boolean;
      readonly bundleId?: string;
    };
    readonly DescribedInterest: {
      /** @description The number of the interest, from 1. */
      readonly interest: number;
      /** @description The behaviors that formed the interest, largest share first. */
      readonly behaviors: readonly components['schemas']['InterestBehavior'][];
      /** @description Attribute values that distinguish its items from the catalog, strongest first. Often empty. */
      readonly labels: readonly components['schemas']['InterestLabel'][];
      /** @description The items closest to the interest, including seen and unavailable items. */
      readonly nearest: readonly components['schemas']['ScoredItem'][];
    };
    readonly ExampleUser: {
      readonly userId: string;
      /** @description Number of stored interactions, by the rules of the bundle. */
      readonly behaviors: number;
      /** @description Interests that found several of the first 50 items. */
      readonly interests: number;
      /** @description Mean share of behaviors that two of the interests have in common: 0 for separate interests, 1 for equal ones. */
      readonly overlap: number;
    };
    /** @description Users to look at first. */
    readonly ExampleUsersResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      /** @description The most distinct interests first. */
      readonly users: readonly components['schemas']['ExampleUser'][];
    };
    /** @description Which items of the user are excluded: all of them (true, the default), none (false), or those that match a rule. */
    readonly ExcludeSeen:
      | boolean
      | {
          /** @description Exclude only items of events with these types, such as purchase. Profiles store only positive events. A type without stored events excludes nothing. */
          readonly types?: readonly string[];
          /** @description Exclude only items of the last days. */
          readonly withinDays?: number;
        };
    /** @description Reserves places for new items, which a model cannot rank by experience. The items are drawn from the new items nearest to the interests of the user. Default: no places. */
    readonly Explore: {
      /** @description The share of places that are reserved for new items. A fraction of a place is rounded up or down at random. 0: none. */
      readonly share: number;
      /**
       * @description An item is new for this many days after its createdAt, or without that attribute after its first interaction. An item with neither is new.
       * @default 30
       */
      readonly maxAgeDays?: number;
    };
    readonly FilterValue: string | number | boolean;
    readonly FoundCatalogItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description Whether the item may be recommended. */
      readonly available: boolean;
    };
    readonly GateCheck: {
      readonly name: string;
      readonly value: number;
      readonly incumbent: number | null;
      /** @description The limit of the value. */
      readonly threshold: number;
      readonly passed: boolean;
      readonly sentence: string;
      readonly difference?: {
        readonly mean: number;
        readonly low: number;
        readonly high: number;
        readonly shareAboveZero: number;
      };
    };
    /** @description The verdict about a bundle, with its reasons. */
    readonly GateReport: {
      /** @enum {number} */
      readonly formatVersion: 1;
      readonly bundleId: string;
      readonly incumbentId: string | null;
      readonly incumbentProblem: string | null;
      readonly datasetId: string;
      readonly window: {
        readonly from: number;
        readonly before: number;
        readonly users: number;
      };
      readonly verdict: 'pass' | 'reject';
      readonly reasons: readonly string[];
      readonly notes: readonly string[];
      readonly checks: readonly components['schemas']['GateCheck'][];
    };
    /** @description The newest gate report about the bundle, or the progress of the gate. */
    readonly GateResponse: {
      /** @description none: the gate has not checked the bundle. */
      readonly state: 'none' | 'running' | 'finished';
      readonly progress: number;
      readonly report?: components['schemas']['GateReport'];
    };
    /** @description A behavior and its share in an interest. The shares of an interest sum to 1. */
    readonly InterestBehavior: {
      readonly itemId: string;
      readonly title?: string;
      readonly share: number;
    };
    /** @description The coupling coefficients of behaviors and interests (MIND, §4.2). */
    readonly InterestCoupling: {
      /** @description The behaviors that the model reads, oldest first. */
      readonly behaviors: readonly {
        readonly itemId: string;
        readonly title?: string;
        /** @description One per interest; they sum to 1. */
        readonly coefficients: readonly number[];
      }[];
      /** @description Cosine of the items of two behaviors. Absent without such a pair. */
      readonly similarity: {
        /** @description Mean over pairs with the same strongest interest. */
        readonly within?: number;
        /** @description Mean over pairs with different strongest interests. */
        readonly across?: number;
      };
    };
    readonly InterestLabel: {
      readonly attribute: string;
      readonly value: string;
    };
    readonly InterestsRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description Items that the user chose, oldest first. With a userId, they are added to the stored behaviors. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Items whose stored events are ignored, as if the user had never chosen them. */
      readonly ignore?: readonly string[];
      /** @description Attributes of the user, by name. They override the stored attributes. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors. */
      readonly interestCount?: number;
      /**
       * @description Nearest items per interest.
       * @default 10
       */
      readonly nearest?: number;
      /**
       * @description Adds the coupling coefficients of behaviors and interests.
       * @default false
       */
      readonly coupling?: boolean;
      /**
       * @description Refuses unknown fields. The remedy suggests the intended field.
       * @default false
       */
      readonly strict?: boolean;
    };
    /** @description The interests of the user. */
    readonly InterestsResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      readonly source: components['schemas']['ResponseSource'];
      /** @description K'u: the number of interests that the model infers. */
      readonly interestCount: number;
      readonly interests: readonly components['schemas']['DescribedInterest'][];
      readonly coupling?: components['schemas']['InterestCoupling'];
      /** @description Distinct item ids in behaviors that the bundle does not know. */
      readonly unknownItems: number;
    };
    /** @description A mean over users with its 95 % bootstrap interval. A difference is after minus before. */
    readonly Interval: {
      readonly mean: number;
      readonly low: number;
      readonly high: number;
    };
    /** @description Items must meet all conditions. */
    readonly ItemFilter: {
      /** @description Conditions by attribute name; all must hold. */
      readonly attributes?: {
        readonly [key: string]: components['schemas']['AttributeCondition'];
      };
      /**
       * @description Has no effect: unavailable items are never returned.
       * @enum {boolean}
       */
      readonly available?: true;
    };
    /** @description The map and its columns. */
    readonly ItemMapResponse: {
      readonly bundleId: string;
      /** @description The delta that adds and changes items. */
      readonly deltaId?: string;
      /** @description N: the map has the items 1 to N. The new items of the delta come last. */
      readonly items: number;
      /** @description The items that the delta adds. */
      readonly newItems: number;
      /** @description Whether the bundle has a map. If not, rebuild it with facet index. */
      readonly hasPositions: boolean;
      /** @description The end of the bundle's data, RFC 3339. */
      readonly dataEnd: string;
      /** @description Attributes that are available as columns. */
      readonly attributes: readonly components['schemas']['CatalogAttribute'][];
    };
    /** @description Items of the catalog. */
    readonly ItemsResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      /** @description Best match first; of equal matches, the most popular item first. */
      readonly items: readonly components['schemas']['FoundCatalogItem'][];
    };
    readonly ListedUser: {
      readonly userId: string;
      /** @description Number of stored interactions, by the rules of the bundle. */
      readonly behaviors: number;
    };
    /** @description Numbers of items on the map, or their ids, or both. */
    readonly LookupRequest: {
      readonly items?: readonly number[];
      readonly itemIds?: readonly string[];
    };
    /** @description The facts of the items. */
    readonly LookupResponse: {
      readonly bundleId: string;
      /** @description The delta that adds and changes items. */
      readonly deltaId?: string;
      /** @description First those of `items`, then those of `itemIds`, in request order; null for an unknown item. */
      readonly items: readonly (components['schemas']['MapItem'] | null)[];
    };
    readonly MapItem: {
      /** @description The number of the item: its row in the columns, from 1. */
      readonly item: number;
      readonly itemId: string;
      readonly title?: string;
      readonly isAvailable: boolean;
      /** @description Whether the delta adds the item. */
      readonly isNew: boolean;
      readonly popularity: number;
      /** @description UTC day. */
      readonly firstSeen: string | null;
      readonly position: readonly number[] | null;
      readonly attributes: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
    };
    /** @description How the candidate lists of the interests are merged into one list. Default: max. */
    readonly Merge:
      | components['schemas']['MergeMax']
      | components['schemas']['MergeRoundRobin']
      | components['schemas']['MergeQuota']
      | components['schemas']['MergeDiverse'];
    /** @description Lowers the score of an item for each earlier item with the same attribute value. */
    readonly MergeDiverse: {
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly by: 'diverse';
      /** @description The weight of variety; 0 ranks by score alone. */
      readonly lambda: number;
      /** @description The attribute to vary, such as category. */
      readonly attribute: string;
    };
    /** @description By the score of the model, over all interests. */
    readonly MergeMax: {
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly by: 'max';
    };
    /** @description Each interest has a minimum or a share, at least one of the two. */
    readonly MergeQuota: {
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly by: 'quota';
      /** @description The minimum number of items for each interest, in interest order. */
      readonly floors?: readonly number[];
      /** @description The share of the list for each interest, in interest order, or `equal`. At least one share is positive. */
      readonly shares?: 'equal' | readonly number[];
    };
    /** @description Takes the next best item of each interest in turn. */
    readonly MergeRoundRobin: {
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly by: 'round-robin';
    };
    readonly MovedItem: {
      readonly itemId: string;
      readonly title?: string;
      readonly users: number;
    };
    /** @description The fields of a recommendation request, and the bundle or arm that responds. */
    readonly PreviewRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description Items that the user chose, oldest first. With a userId, they are added to the stored behaviors. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Items whose stored events are ignored, as if the user had never chosen them. */
      readonly ignore?: readonly string[];
      /** @description Attributes of the user, by name. They override the stored attributes. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /**
       * @description Items on all pages together.
       * @default 20
       */
      readonly limit?: number;
      readonly merge?: components['schemas']['Merge'];
      /** @description K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors. */
      readonly interestCount?: number;
      readonly explore?: components['schemas']['Explore'];
      /** @description Names of filters declared in facet.yaml. Items must pass all of them. */
      readonly filters?: readonly string[];
      readonly filter?: components['schemas']['ItemFilter'];
      /** @description The situation of the request, such as device or country. Named filters may refer to its fields. */
      readonly context?: {
        readonly [key: string]: components['schemas']['FilterValue'] | readonly components['schemas']['FilterValue'][];
      };
      /** @description Items never to return, whatever the source. */
      readonly exclude?: readonly string[];
      readonly excludeSeen?: components['schemas']['ExcludeSeen'];
      /**
       * @description Adds the reasons for each item, and the interests of the user.
       * @default false
       */
      readonly explain?: boolean;
      /** @description Attributes to return with each item, such as price. Titles are always returned. */
      readonly include?: readonly string[];
      /**
       * @description Refuses unknown fields. The remedy suggests the intended field.
       * @default false
       */
      readonly strict?: boolean;
      /**
       * @description Adds the duration of each span.
       * @default false
       */
      readonly timings?: boolean;
      /** @description Default: the bundle of the arm, or the live bundle. */
      readonly bundleId?: string;
      readonly arm?: components['schemas']['ArmReference'];
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
    readonly PromoteRequest: {
      /** @description The reason, for the promotion log. */
      readonly reason: string;
    };
    /** @description The bundle is current. */
    readonly PromotedResponse: {
      /** @description The current bundle. It goes live within seconds. */
      readonly current: string;
    };
    readonly Promotion: {
      readonly number: number;
      /** @description Epoch milliseconds. */
      readonly at: number;
      readonly by: string;
      readonly kind: 'promote' | 'rollback';
      /** @description Current after this record. */
      readonly bundleId: string | null;
      readonly reason?: string;
      readonly runId?: string;
    };
    /** @description Who made which bundle current, when and why. */
    readonly PromotionsResponse: {
      /** @description Newest first, at most 100. */
      readonly promotions: readonly components['schemas']['Promotion'][];
    };
    readonly RankRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description Items that the user chose, oldest first. With a userId, they are added to the stored behaviors. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Items whose stored events are ignored, as if the user had never chosen them. */
      readonly ignore?: readonly string[];
      /** @description Attributes of the user, by name. They override the stored attributes. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors. */
      readonly interestCount?: number;
      /** @description The candidates. Repeated and unknown ids are left out. */
      readonly itemIds: readonly string[];
      /** @description Attributes to return with each item, such as price. Titles are always returned. */
      readonly include?: readonly string[];
      /**
       * @description Refuses unknown fields. The remedy suggests the intended field.
       * @default false
       */
      readonly strict?: boolean;
    };
    /** @description The candidates by score. */
    readonly RankResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      readonly source: components['schemas']['ResponseSource'];
      /** @description Best item first. Includes unavailable and seen items. */
      readonly items: readonly components['schemas']['RankedItem'][];
      /** @description Number of distinct candidates that the bundle does not know. */
      readonly unknownItems: number;
      /** @description Attributes named in filters, include or merge that no item has. */
      readonly unknownAttributes?: readonly string[];
    };
    readonly RankedItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description With include: the named attributes that the item has. */
      readonly attributes?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description The score that recommendations with merge max have, or in a fallback the recent interaction count. */
      readonly score: number;
      /** @description The number of the interest that is nearest to the item, from 1. Absent in a fallback. */
      readonly interest?: number;
    };
    readonly RecommendationsRequest: {
      /** @description Opaque id of 1 to 256 characters. */
      readonly userId?: string;
      /** @description Items that the user chose, oldest first. With a userId, they are added to the stored behaviors. */
      readonly behaviors?: readonly components['schemas']['RequestedBehavior'][];
      /** @description Items whose stored events are ignored, as if the user had never chosen them. */
      readonly ignore?: readonly string[];
      /** @description Attributes of the user, by name. They override the stored attributes. */
      readonly profile?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /**
       * @description Items on all pages together.
       * @default 20
       */
      readonly limit?: number;
      readonly merge?: components['schemas']['Merge'];
      /** @description K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors. */
      readonly interestCount?: number;
      readonly explore?: components['schemas']['Explore'];
      /** @description Names of filters declared in facet.yaml. Items must pass all of them. */
      readonly filters?: readonly string[];
      readonly filter?: components['schemas']['ItemFilter'];
      /** @description The situation of the request, such as device or country. Named filters may refer to its fields. */
      readonly context?: {
        readonly [key: string]: components['schemas']['FilterValue'] | readonly components['schemas']['FilterValue'][];
      };
      /** @description Items never to return, whatever the source. */
      readonly exclude?: readonly string[];
      readonly excludeSeen?: components['schemas']['ExcludeSeen'];
      /**
       * @description Adds the reasons for each item, and the interests of the user.
       * @default false
       */
      readonly explain?: boolean;
      /** @description Attributes to return with each item, such as price. Titles are always returned. */
      readonly include?: readonly string[];
      /**
       * @description Refuses unknown fields. The remedy suggests the intended field.
       * @default false
       */
      readonly strict?: boolean;
      /** @description Items in this response. Fetch the rest with nextCursor. Default: the limit. */
      readonly pageSize?: number;
      /** @description The nextCursor of a response. Returns the next page of the same list. Of the other fields, only pageSize, timings and record are read. */
      readonly cursor?: string;
      /**
       * @description Adds the duration of each span.
       * @default false
       */
      readonly timings?: boolean;
      /**
       * @description false: no exposure is recorded and no shadow arm computed, because the user does not see the items.
       * @default true
       */
      readonly record?: boolean;
    };
    /** @description The recommended items. */
    readonly RecommendationsResponse: {
      /** @description Send it with the events that result from this response. All pages of a list share it. */
      readonly recommendationId: string;
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      readonly source: components['schemas']['ResponseSource'];
      /** @description The user's arm in each experiment. */
      readonly arms?: {
        readonly [key: string]: string;
      };
      /** @description Best item first. */
      readonly items: readonly components['schemas']['RecommendedItem'][];
      /** @description With explain, on the first page. */
      readonly interests?: readonly components['schemas']['UserInterest'][];
      /** @description Position of the first item in the whole list, from 0. */
      readonly position: number;
      /** @description The limit. */
      readonly requested: number;
      /** @description Items on this page. A whole list is shorter than requested only if no more items are allowed. */
      readonly returned: number;
      readonly removed: components['schemas']['RemovedItems'];
      /** @description Fetches the next page. Absent on the last page. */
      readonly nextCursor?: string;
      /** @description Distinct item ids in behaviors and exclude that the bundle does not know. */
      readonly unknownItems: number;
      /** @description Attributes named in filters, include or merge that no item has. */
      readonly unknownAttributes?: readonly string[];
      /** @description With timings: milliseconds by span. */
      readonly timings?: {
        readonly [key: string]: number;
      };
    };
    readonly RecommendedItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description With include: the named attributes that the item has. */
      readonly attributes?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description With max and diverse, the score of the model over all interests; with round-robin and quota, the score for the interest. In a fallback, the recent interaction count. */
      readonly score: number;
      /** @description The number of the interest that found the item, from 1. With max and diverse, it is the nearest one. Absent in a fallback. */
      readonly interest?: number;
      /**
       * @description A new item that explore has drawn for a reserved place.
       * @enum {string}
       */
      readonly reason?: 'new';
      /** @description With reason new: the probability that explore draws this item for the list, over all recommendationIds. A new item in another place has none. */
      readonly propensity?: number;
      /** @description With explain: the behaviors with the largest share in the interest. */
      readonly reasons?: readonly components['schemas']['InterestBehavior'][];
    };
    /** @description The artifact ids of the references. */
    readonly RefsResponse: {
      readonly current: string | null;
      readonly previous: string | null;
      readonly delta: string | null;
      /** @description The live bundle and delta of this process. */
      readonly serving: {
        readonly bundleId: string;
        readonly deltaId?: string;
      };
    };
    /** @description How many catalog items were ruled out. Each item counts once: as excluded, else seen, else unavailable, else filtered. */
    readonly RemovedItems: {
      readonly seen: number;
      readonly excluded: number;
      readonly unavailable: number;
      readonly filtered: number;
    };
    /** @description An item id, or an item id with time and event type. Without a time, the behavior is the newest. */
    readonly RequestedBehavior:
      | string
      | {
          /** @description Opaque id of 1 to 256 characters. */
          readonly itemId: string;
          /** @description RFC 3339 text, or epoch milliseconds. At most a day ahead of the server's clock. */
          readonly occurredAt?: string | number;
          /** @description One of impression, view, click, add_to_cart, purchase, return, rating, identify, or a type that facet.yaml declares. */
          readonly type?: string;
        };
    readonly ResolvedSide: {
      readonly bundleId: string;
    };
    /** @description model: the interests of the user chose the items. popular: a fallback to recently popular items. */
    readonly ResponseSource:
      | {
          /** @enum {string} */
          readonly kind: 'model';
          /**
           * @description The stored profile could not be read. The response uses the request alone.
           * @enum {string}
           */
          readonly reason?: 'profiles_unavailable';
        }
      | {
          /** @enum {string} */
          readonly kind: 'popular';
          /** @description unknown_user: nothing is stored for the userId, and the request has no behaviors. no_behaviors: the user has no behaviors. no_known_items: the bundle knows none of the items. no_interest: the model finds no interest in the behaviors. unknown_item: the bundle does not know the item to compare with. no_features: that item has no interactions, and the model knows none of its attributes. profiles_unavailable: the stored profile could not be read, and the request alone has no interests. */
          readonly reason:
            | 'unknown_user'
            | 'no_behaviors'
            | 'no_known_items'
            | 'no_interest'
            | 'unknown_item'
            | 'no_features'
            | 'profiles_unavailable';
          /** @description The window of the popularity counts, in days. */
          readonly windowDays?: number;
          /** @description The users whose popular items come first. Absent: all users. */
          readonly segment?: {
            readonly attribute: string;
            readonly value: string;
            readonly users: number;
          };
        };
    readonly RollbackRequest: {
      /** @description The reason, for the promotion log. */
      readonly reason: string;
    };
    readonly SampleComparison: {
      /** @description The held-out window, epoch milliseconds. Lists are made at its start. */
      readonly window: {
        readonly from: number;
        readonly before: number;
      };
      readonly users: readonly {
        readonly userId: string;
        /** @description The share of the longer list that is in both lists. */
        readonly overlap: number;
        readonly ndcgBefore: number;
        readonly ndcgAfter: number;
      }[];
      readonly overlap: components['schemas']['Interval'];
      readonly metrics: readonly {
        readonly name: 'hitRate' | 'ndcg' | 'recall';
        readonly before: components['schemas']['Interval'];
        readonly after: components['schemas']['Interval'];
        readonly difference: components['schemas']['Interval'];
      }[];
      /** @description Distinct items in all lists. */
      readonly distinctItems: {
        readonly before: number;
        readonly after: number;
      };
      /** @description Lists of popular items, for users without interests. */
      readonly fallbacks: {
        readonly before: number;
        readonly after: number;
      };
      /** @description Items that more lists contain after, by number of users. */
      readonly gained: readonly components['schemas']['MovedItem'][];
      /** @description Items that lists contain only before, by number of users. */
      readonly lost: readonly components['schemas']['MovedItem'][];
    };
    readonly ScoredItem: {
      readonly itemId: string;
      readonly title?: string;
      /** @description With include: the named attributes that the item has. */
      readonly attributes?: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description Comparable within one list only. */
      readonly score: number;
    };
    /** @description Fields of a request override those of the arm. */
    readonly Side: {
      /** @description Default: the bundle of the arm, or the live bundle. */
      readonly bundleId?: string;
      readonly arm?: components['schemas']['ArmReference'];
      readonly merge?: components['schemas']['Merge'];
      readonly explore?: components['schemas']['Explore'];
    };
    /** @description The similar items. */
    readonly SimilarItemsResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      readonly itemId: string;
      readonly title?: string;
      readonly source: components['schemas']['ResponseSource'];
      /** @description Most similar item first. Never the item itself, an excluded item or an unavailable item. */
      readonly items: readonly components['schemas']['ScoredItem'][];
      /** @description The limit. */
      readonly requested: number;
      /** @description Less than requested only if no more items are allowed. */
      readonly returned: number;
      /** @description Attributes named in filters, include or merge that no item has. */
      readonly unknownAttributes?: readonly string[];
    };
    /** @description Latency, fallbacks and index recall over time. A reading has no value for what did not happen in its interval. */
    readonly TrendsResponse: {
      /** @description The time between two readings. */
      readonly intervalSeconds: number;
      /** @description Oldest first: up to 1,440, of all processes on the port. */
      readonly readings: readonly {
        /** @description Epoch milliseconds: the end of the interval. */
        readonly at: number;
        /** @description Requests to /v1/recommendations, including refused requests. */
        readonly requests: number;
        /** @description Milliseconds; half of the durations are lower. */
        readonly p50Ms?: number;
        /** @description Milliseconds; 99 % of the durations are lower. */
        readonly p99Ms?: number;
        readonly stages: readonly {
          readonly stage: string;
          /** @description Milliseconds; half of the durations are lower. */
          readonly p50Ms?: number;
          /** @description Milliseconds; 99 % of the durations are lower. */
          readonly p99Ms?: number;
        }[];
        /** @description Share of the lists that are popular items. */
        readonly fallbackShare?: number;
        /** @description Share of the exact nearest items that the sampled searches found. */
        readonly indexRecall?: number;
      }[];
    };
    readonly UserInterest: {
      /** @description The number of the interest, from 1. */
      readonly interest: number;
      /** @description The behaviors that formed the interest, largest share first. */
      readonly behaviors: readonly components['schemas']['InterestBehavior'][];
    };
    /** @description What is stored of the user. */
    readonly UserResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      readonly userId: string;
      /** @description The stored attributes. */
      readonly attributes: {
        readonly [key: string]: string | number | boolean | readonly string[];
      };
      /** @description Number of stored interactions, by the rules of the bundle. */
      readonly behaviorCount: number;
      /** @description The newest 10000 interactions, oldest first. */
      readonly behaviors: readonly {
        readonly itemId: string;
        readonly title?: string;
        /** @description Epoch milliseconds. */
        readonly occurredAt: number;
        /** @description Whether the bundle knows the item. The model skips unknown items. */
        readonly known: boolean;
      }[];
    };
    /** @description Users with stored events or attributes. */
    readonly UsersResponse: {
      /** @description The bundle that made the response. */
      readonly bundleId: string;
      /** @description The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what is available. */
      readonly deltaId?: string;
      /** @description The shortest ids first, then in the order of characters. */
      readonly users: readonly components['schemas']['ListedUser'][];
      /** @description Whether all users were searched. If not, enter the exact id to find any other user. */
      readonly isComplete: boolean;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type ArmReference = components['schemas']['ArmReference'];
export type ArmsResponse = components['schemas']['ArmsResponse'];
export type AttributeCondition = components['schemas']['AttributeCondition'];
export type BatchList = components['schemas']['BatchList'];
export type BatchProblem = components['schemas']['BatchProblem'];
export type BatchRequest = components['schemas']['BatchRequest'];
export type BatchResponse = components['schemas']['BatchResponse'];
export type BundleResponse = components['schemas']['BundleResponse'];
export type BundleState = components['schemas']['BundleState'];
export type BundleSummary = components['schemas']['BundleSummary'];
export type BundlesResponse = components['schemas']['BundlesResponse'];
export type CatalogAttribute = components['schemas']['CatalogAttribute'];
export type CatalogResponse = components['schemas']['CatalogResponse'];
export type ComparisonRequest = components['schemas']['ComparisonRequest'];
export type ComparisonResponse = components['schemas']['ComparisonResponse'];
export type DeclaredArm = components['schemas']['DeclaredArm'];
export type DescribedInterest = components['schemas']['DescribedInterest'];
export type ExampleUser = components['schemas']['ExampleUser'];
export type ExampleUsersResponse = components['schemas']['ExampleUsersResponse'];
export type ExcludeSeen = components['schemas']['ExcludeSeen'];
export type Explore = components['schemas']['Explore'];
export type FilterValue = components['schemas']['FilterValue'];
export type FoundCatalogItem = components['schemas']['FoundCatalogItem'];
export type GateCheck = components['schemas']['GateCheck'];
export type GateReport = components['schemas']['GateReport'];
export type GateResponse = components['schemas']['GateResponse'];
export type InterestBehavior = components['schemas']['InterestBehavior'];
export type InterestCoupling = components['schemas']['InterestCoupling'];
export type InterestLabel = components['schemas']['InterestLabel'];
export type InterestsRequest = components['schemas']['InterestsRequest'];
export type InterestsResponse = components['schemas']['InterestsResponse'];
export type Interval = components['schemas']['Interval'];
export type ItemFilter = components['schemas']['ItemFilter'];
export type ItemMapResponse = components['schemas']['ItemMapResponse'];
export type ItemsResponse = components['schemas']['ItemsResponse'];
export type ListedUser = components['schemas']['ListedUser'];
export type LookupRequest = components['schemas']['LookupRequest'];
export type LookupResponse = components['schemas']['LookupResponse'];
export type MapItem = components['schemas']['MapItem'];
export type Merge = components['schemas']['Merge'];
export type MergeDiverse = components['schemas']['MergeDiverse'];
export type MergeMax = components['schemas']['MergeMax'];
export type MergeQuota = components['schemas']['MergeQuota'];
export type MergeRoundRobin = components['schemas']['MergeRoundRobin'];
export type MovedItem = components['schemas']['MovedItem'];
export type PreviewRequest = components['schemas']['PreviewRequest'];
export type Problem = components['schemas']['Problem'];
export type PromoteRequest = components['schemas']['PromoteRequest'];
export type PromotedResponse = components['schemas']['PromotedResponse'];
export type Promotion = components['schemas']['Promotion'];
export type PromotionsResponse = components['schemas']['PromotionsResponse'];
export type RankRequest = components['schemas']['RankRequest'];
export type RankResponse = components['schemas']['RankResponse'];
export type RankedItem = components['schemas']['RankedItem'];
export type RecommendationsRequest = components['schemas']['RecommendationsRequest'];
export type RecommendationsResponse = components['schemas']['RecommendationsResponse'];
export type RecommendedItem = components['schemas']['RecommendedItem'];
export type RefsResponse = components['schemas']['RefsResponse'];
export type RemovedItems = components['schemas']['RemovedItems'];
export type RequestedBehavior = components['schemas']['RequestedBehavior'];
export type ResolvedSide = components['schemas']['ResolvedSide'];
export type ResponseSource = components['schemas']['ResponseSource'];
export type RollbackRequest = components['schemas']['RollbackRequest'];
export type SampleComparison = components['schemas']['SampleComparison'];
export type ScoredItem = components['schemas']['ScoredItem'];
export type Side = components['schemas']['Side'];
export type SimilarItemsResponse = components['schemas']['SimilarItemsResponse'];
export type TrendsResponse = components['schemas']['TrendsResponse'];
export type UserInterest = components['schemas']['UserInterest'];
export type UserResponse = components['schemas']['UserResponse'];
export type UsersResponse = components['schemas']['UsersResponse'];
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
            readonly bundleId: string;
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
  readonly readTrends: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Latency, fallbacks and index recall over time. A reading has no value for what did not happen in its interval. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['TrendsResponse'];
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
      /** @description The recommended items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['RecommendationsResponse'];
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
    /** @description A request for many users. The limit times the number of users must not exceed 100000. */
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['BatchRequest'];
      };
    };
    readonly responses: {
      /** @description The lists of all users. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['BatchResponse'];
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
          readonly 'application/json': components['schemas']['BundlesResponse'];
        };
      };
    };
  };
  readonly readBundle: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
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
          readonly 'application/json': components['schemas']['BundleResponse'];
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
      /** @description The artifact ids of the references. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['RefsResponse'];
        };
      };
    };
  };
  readonly promoteBundle: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        readonly bundleId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['PromoteRequest'];
      };
    };
    readonly responses: {
      /** @description The bundle is current. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['PromotedResponse'];
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
        readonly 'application/json': components['schemas']['RollbackRequest'];
      };
    };
    readonly responses: {
      /** @description The bundle is current. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['PromotedResponse'];
        };
      };
    };
  };
  readonly listArms: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The arms and shadow arms that facet.yaml declares. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ArmsResponse'];
        };
      };
    };
  };
  readonly previewRecommendations: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** @description The fields of a recommendation request, and the bundle or arm that responds. */
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['PreviewRequest'];
      };
    };
    readonly responses: {
      /** @description The recommended items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['RecommendationsResponse'];
        };
      };
    };
  };
  readonly compareSides: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['ComparisonRequest'];
      };
    };
    readonly responses: {
      /** @description The comparison, or its progress: repeat the request to follow it. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ComparisonResponse'];
        };
      };
    };
  };
  readonly readGate: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        readonly bundleId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The newest gate report about the bundle, or the progress of the gate. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['GateResponse'];
        };
      };
    };
  };
  readonly runGate: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        readonly bundleId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The newest gate report about the bundle, or the progress of the gate. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['GateResponse'];
        };
      };
    };
  };
  readonly listPromotions: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Who made which bundle current, when and why. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['PromotionsResponse'];
        };
      };
    };
  };
  readonly describeCatalog: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description What a request can refer to. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['CatalogResponse'];
        };
      };
    };
  };
  readonly searchItems: {
    readonly parameters: {
      readonly query?: {
        readonly query?: string;
        /** @description From 1 to 100. Default: 20. */
        readonly limit?: string;
        /** @description Refuses unknown fields. The remedy suggests the intended field. */
        readonly strict?: 'true' | 'false';
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Items of the catalog. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ItemsResponse'];
        };
      };
    };
  };
  readonly describeItemMap: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The map and its columns. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ItemMapResponse'];
        };
      };
    };
  };
  readonly readItemMapColumns: {
    readonly parameters: {
      readonly query: {
        /** @description `position`: x and y from −1 to 1, NaN without a position. `popularity`: recent interactions. `firstSeen`: day since the epoch, −1 if unknown. `attribute:NAME`: codes of texts or of first list entries (0: none), numbers (NaN: none), or 0, 1 and 2 for no value, false and true. Repeat the parameter for more columns. */
        readonly column: string | readonly string[];
        /** @description The first item. Default: 1. */
        readonly first?: string;
        /** @description The number of items. Default: all from the first item on. */
        readonly count?: string;
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The columns. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/octet-stream': string;
        };
      };
      /** @description The columns have not changed. */
      readonly 304: {
        headers: {
          readonly [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  readonly lookUpItems: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    /** @description Numbers of items on the map, or their ids, or both. */
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['LookupRequest'];
      };
    };
    readonly responses: {
      /** @description The facts of the items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['LookupResponse'];
        };
      };
    };
  };
  readonly rank: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': components['schemas']['RankRequest'];
      };
    };
    readonly responses: {
      /** @description The candidates by score. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['RankResponse'];
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
        readonly 'application/json': components['schemas']['InterestsRequest'];
      };
    };
    readonly responses: {
      /** @description The interests of the user. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['InterestsResponse'];
        };
      };
    };
  };
  readonly findSimilarItems: {
    readonly parameters: {
      readonly query?: {
        /** @description From 1 to 1000. Default: 20. */
        readonly limit?: string;
        /** @description Names of filters declared in facet.yaml, separated by commas. Items must pass all of them. */
        readonly filters?: string;
        /** @description The situation of the request, as a JSON object. Named filters may refer to its fields. */
        readonly context?: string;
        /** @description Attributes to return with each item, separated by commas. */
        readonly include?: string;
        /** @description An item never to return. Repeat the parameter for more items. */
        readonly exclude?: string | readonly string[];
        /** @description Refuses unknown fields. The remedy suggests the intended field. */
        readonly strict?: 'true' | 'false';
      };
      readonly header?: never;
      readonly path: {
        /** @description Opaque id of 1 to 256 characters. */
        readonly itemId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description The similar items. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['SimilarItemsResponse'];
        };
      };
    };
  };
  readonly listUsers: {
    readonly parameters: {
      readonly query?: {
        readonly query?: string;
        /** @description From 1 to 100. Default: 20. */
        readonly limit?: string;
        /** @description Refuses unknown fields. The remedy suggests the intended field. */
        readonly strict?: 'true' | 'false';
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Users with stored events or attributes. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['UsersResponse'];
        };
      };
    };
  };
  readonly listExampleUsers: {
    readonly parameters: {
      readonly query?: {
        /** @description From 1 to 100. Default: 20. */
        readonly limit?: string;
        /** @description Refuses unknown fields. The remedy suggests the intended field. */
        readonly strict?: 'true' | 'false';
      };
      readonly header?: never;
      readonly path?: never;
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description Users to look at first. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['ExampleUsersResponse'];
        };
      };
    };
  };
  readonly describeUser: {
    readonly parameters: {
      readonly query?: never;
      readonly header?: never;
      readonly path: {
        /** @description Opaque id of 1 to 256 characters. */
        readonly userId: string;
      };
      readonly cookie?: never;
    };
    readonly requestBody?: never;
    readonly responses: {
      /** @description What is stored of the user. */
      readonly 200: {
        headers: {
          readonly [name: string]: unknown;
        };
        content: {
          readonly 'application/json': components['schemas']['UserResponse'];
        };
      };
    };
  };
}
