import { describeUser } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome } from '../home.ts';
import { countOf } from '../terminal/text.ts';
import { readAskingUser } from '../users/asking-user.ts';
import type { AskingOptions } from '../users/asking-user.ts';
import { withCurrentBundle } from '../users/current-bundle.ts';
import { renderInterest } from '../users/render-interest.ts';
import { describeTheme } from '../users/theme.ts';
import { withTitle } from '../users/titles.ts';

export interface InterestsOptions extends CommonOptions, AskingOptions {
  readonly limit: number;
}

/** `facet interests`: a user's interests, what formed them, and the items nearest to each. */
export async function interestsCommand(options: InterestsOptions, { output, terminal }: CommandContext): Promise<void> {
  const home = openHome(options.home);
  await withCurrentBundle(home, async (bundle) => {
    const asking = await readAskingUser(options, bundle, home);
    const described = await describeUser(bundle, { ...asking, nearest: options.limit });
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
    output.document({ bundleId: bundle.id, behaviors: asking.behaviors.length, interests });
    if (interests.length === 0) {
      const why = asking.isUnknown ? 'nothing is stored of this user' : 'the bundle knows none of their items';
      output.show(`No interests: ${why}.`);
      return;
    }
    output.show(`${countOf(interests.length, 'interest')} from ${countOf(asking.behaviors.length, 'behavior')}`);
    for (const { interest, theme, behaviors, nearest } of interests) {
      const formedBy = behaviors.slice(0, options.limit);
      const shown = { number: interest + 1, theme, formedBy, foundTitle: 'nearest items', found: nearest };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
  });
}
