import { describeCoupling, inferUser, respondWithRecommendations } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, parseIds, parseLimit } from '../options.ts';
import type { Register } from '../options.ts';
import { countOf, printable } from '../terminal/text.ts';
import { renderHeatMap } from '../users/heat-map.ts';
import { findTheme, renderInterest } from '../users/interest.ts';
import { explainFallback, withRequester } from '../users/requester.ts';

interface ExploreOptions extends CommonOptions {
  readonly limit: number;
  readonly with: string[];
  readonly without: string[];
}

const behaviorsShown = 4;

export const registerExplore: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .argument('<user>', 'id of a user')
      .option('--limit <number>', 'maximum number of behaviors and of recommended items', parseLimit, 20)
      .option('--with <ids>', 'item ids to add to the behaviors, separated by commas', parseIds, [])
      .option('--without <ids>', 'item ids to remove from the behaviors, separated by commas', parseIds, []),
    `Uses the section serving of facet.yaml. Ignores experiments. The page Explore of the console shows the same:
facet open.`,
    'facet explore 196',
    'facet explore 196 --without 50,181 --limit 10',
  ).action(deps.action(explore));
};

async function explore(user: string, options: ExploreOptions, { output, terminal }: CommandContext): Promise<void> {
  const { limit } = options;
  const fields = { userId: user, behaviors: options.with, ignore: options.without };
  await withRequester({ options, fields, output }, async (requester, context) => {
    const { bundle } = context;
    const { behaviors } = requester;
    const response = await respondWithRecommendations({ ...fields, limit, explain: true }, context);
    const { bundleId, deltaId, source, items, interests: inferred = [] } = response;
    const coupling = inferred.length === 0 ? undefined : describeCoupling(bundle, inferUser(bundle, requester));
    const interests = inferred.map((one) => {
      return { interest: one.interest, theme: findTheme(bundle, one, inferred), behaviors: one.behaviors };
    });
    output.document({ bundleId, deltaId, userId: user, behaviors: behaviors.length, coupling, interests, items });
    if (coupling === undefined) {
      output.show(`No interests: ${explainFallback(source.reason)}.`);
      return;
    }
    const counts = `${countOf(behaviors.length, 'behavior')}, ${countOf(interests.length, 'interest')}`;
    output.show(`${terminal.style('bold', printable(`User ${user}`))}: ${counts}\n`);
    output.show(renderHeatMap(coupling, limit, terminal));
    output.show('\nEach cell is the percentage of a behavior assigned to an interest.');
    for (const { interest, theme, behaviors: forming } of interests) {
      const shown = {
        number: interest,
        theme,
        formedBy: forming.slice(0, behaviorsShown),
        foundTitle: 'recommends',
        found: items.filter((item) => item.interest === interest),
      };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
  });
}
