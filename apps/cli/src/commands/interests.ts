import { describeUser } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addRequester, parseLimit } from '../options.ts';
import type { Register } from '../options.ts';
import { countOf } from '../terminal/text.ts';
import { describeTheme, renderInterest, withTitle } from '../users/interest.ts';
import { readRequester, withCurrentBundle } from '../users/requester.ts';
import type { RequesterOptions } from '../users/requester.ts';

interface InterestsOptions extends CommonOptions, RequesterOptions {
  readonly limit: number;
}

export const registerInterests: Register = (command, deps) => {
  addNotes(
    addRequester(addHome(command, deps)).option(
      '--limit <number>',
      'maximum number of behaviors and of items per interest',
      parseLimit,
      5,
    ),
    '',
    'facet interests --user 196',
    'facet interests --behaviors 50,181,172',
  ).action(deps.action(printInterests));
};

async function printInterests(options: InterestsOptions, { output, terminal }: CommandContext): Promise<void> {
  await withCurrentBundle(options.home, async (bundle) => {
    const requester = await readRequester(options, bundle, options.home);
    const described = await describeUser(bundle, { ...requester, nearest: options.limit });
    const interests = described.map(({ interest, behaviors, nearest }) => ({
      interest,
      theme: describeTheme(
        bundle,
        behaviors,
        described.map((other) => other.behaviors),
      ),
      behaviors: behaviors.map(({ itemId, share }) => ({ ...withTitle(bundle, itemId), share })),
      nearest: nearest.map(({ itemId, score }) => ({ ...withTitle(bundle, itemId), score })),
    }));
    output.document({ bundleId: bundle.id, behaviors: requester.behaviors.length, interests });
    if (interests.length === 0) {
      const reason = requester.isUnknown ? 'the user is unknown' : 'the bundle contains none of the items';
      output.show(`No interests: ${reason}.`);
      return;
    }
    output.show(`${countOf(interests.length, 'interest')} from ${countOf(requester.behaviors.length, 'behavior')}`);
    for (const { interest, theme, behaviors, nearest } of interests) {
      const formedBy = behaviors.slice(0, options.limit);
      const shown = { number: interest + 1, theme, formedBy, foundTitle: 'nearest items', found: nearest };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
  });
}
