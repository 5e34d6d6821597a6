import { describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { oncePerKey } from '@facet/platform';
import {
  ExampleUsersResponse,
  parseSearchQuery,
  respondWithExampleUsers,
  respondWithUser,
  respondWithUsers,
  SearchQuery,
  UserResponse,
  UsersResponse,
} from '@facet/recommendations';
import type { UserDirectory } from '@facet/recommendations';
import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Loaded } from '../bundle/live-bundle.ts';
import { profileErrors, serve } from '../serving.ts';

const describe = describeRoutes({ scope: 'serve', tag: 'users', errors: profileErrors });

/** Examples that are computed at once. A caller chooses among them. */
const examplesMax = 100;

/** Adds `GET /v1/users`, `GET /v1/users:examples` and `GET /v1/users/:userId`. */
export function addUserRoutes(app: HttpApp): void {
  const { serving } = app;
  const openDirectory = ({ bundle, profiles }: Loaded): UserDirectory => ({
    bundle,
    readProfile: profiles.read,
    listUserIds: profiles.listUserIds,
    now: serving.now(),
  });
  const chooseExamples = oncePerKey((_bundle: Loaded['bundle'], loaded: Loaded) =>
    respondWithExampleUsers({ limit: examplesMax }, openDirectory(loaded)),
  );

  app.get(
    '/v1/users',
    describe({
      operationId: 'listUsers',
      summary: 'Find users by the start of their id',
      description:
        'Anonymous sessions are left out. A search reads at most 100,000 keys of the profile store, and the ids that it ' +
        'finds are reused for ten seconds. The exact id finds any user immediately.',
      querystring: SearchQuery,
      response: UsersResponse,
    }),
    async (request) => {
      const query = parseSearchQuery(request.query);
      return serve(serving, (loaded) => respondWithUsers(query, openDirectory(loaded)));
    },
  );

  app.get(
    // The router reads `::` as one literal colon.
    '/v1/users::examples',
    describe({
      operationId: 'listExampleUsers',
      summary: 'List users with distinct interests',
      description: 'Compares a sample of users, once for each bundle. Users with a single interest are left out.',
      querystring: Type.Pick(SearchQuery, ['limit', 'strict']),
      response: ExampleUsersResponse,
    }),
    async (request) => {
      const { limit } = parseSearchQuery(request.query);
      return serve(serving, async (loaded) => {
        const examples = await chooseExamples(loaded.bundle, loaded);
        return { ...examples, users: examples.users.slice(0, limit) };
      });
    },
  );

  app.get(
    '/v1/users/:userId',
    describe({
      operationId: 'describeUser',
      errors: { USER_NOT_FOUND: { status: 404 } },
      summary: 'Read the stored behaviors and attributes of a user',
      params: Type.Object({ userId: { ...IdentifierSchema, examples: ['ada'] } }),
      response: UserResponse,
    }),
    async ({ params }) =>
      serve(serving, ({ bundle, profiles }) =>
        respondWithUser(params.userId, { bundle, readProfile: profiles.read, now: serving.now() }),
      ),
  );
}
