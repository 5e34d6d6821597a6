import { describeUser } from '@facet/recommendations';
import type { InterestCoupling } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addRequester, parseLimit } from '../options.ts';
import type { Register } from '../options.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, renderTable, truncate } from '../terminal/text.ts';
import { findTheme, nameOf, renderInterest } from '../users/interest.ts';
import { explainFallback, parseRequester, withRequester } from '../users/requester.ts';
import type { RequesterOptions } from '../users/requester.ts';

interface InterestsOptions extends CommonOptions, RequesterOptions {
  readonly limit: number;
  readonly coupling?: boolean;
}

export const registerInterests: Register = (command, deps) => {
  addNotes(
    addRequester(addHome(command, deps))
      .option('--limit <number>', 'maximum number of behaviors and of items per interest', parseLimit, 5)
      .option('--coupling', 'print the share of each behavior in each interest, newest behavior first'),
    '',
    'facet interests --user 196',
    'facet interests --user 196 --coupling --limit 20',
    'facet interests --behaviors 50,181,172',
  ).action(deps.action(printInterests));
};

async function printInterests(options: InterestsOptions, { output, terminal }: CommandContext): Promise<void> {
  const fields = parseRequester(options);
  await withRequester({ options, fields, output }, async (requester, { bundle }) => {
    const user = await describeUser(bundle, { ...requester, nearest: options.limit });
    const { interests: described, coupling, reason } = user;
    const interests = described.map(({ interest, ...one }) => {
      return { interest, theme: findTheme(bundle, one, described), ...one };
    });
    output.document({
      bundleId: bundle.id,
      deltaId: bundle.deltaId,
      behaviors: requester.behaviors.length,
      interests,
      ...(options.coupling === true ? { coupling } : {}),
    });
    if (interests.length === 0) {
      output.show(`No interests: ${explainFallback(requester.isUnknown ? 'unknown_user' : reason)}.`);
      return;
    }
    output.show(`${countOf(interests.length, 'interest')} from ${countOf(requester.behaviors.length, 'behavior')}`);
    for (const { interest, theme, behaviors, nearest } of interests) {
      const formedBy = behaviors.slice(0, options.limit);
      const shown = { number: interest, theme, formedBy, foundTitle: 'nearest items', found: nearest };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
    if (options.coupling === true) output.show(`\n${renderCoupling(coupling!, options.limit, terminal)}`);
  });
}

/** Returns the coupling coefficients of the newest behaviors as a table, and the similarity of all behaviors. */
function renderCoupling(
  { behaviors, similarity: { within, across } }: InterestCoupling,
  limit: number,
  { style, width }: Pick<Terminal, 'style' | 'width'>,
): string {
  const newest = behaviors.slice(-limit).reverse();
  const numbers = (newest[0]?.coefficients ?? []).map((_, interest) => String(interest + 1));
  const nameWidth = Math.max(20, width - 8 * numbers.length - 4);
  const rows = newest.map((behavior) => [
    truncate(nameOf(behavior), nameWidth),
    ...behavior.coefficients.map((value) => `${Math.round(100 * value)} %`),
  ]);
  const cosine = (value: number | undefined): string => (value === undefined ? 'no pair' : value.toFixed(2));
  return [
    renderTable(['Behavior, share by interest', ...numbers], rows, { style, right: numbers.map((_, k) => k + 1) }),
    '',
    `Mean cosine of two behaviors: ${cosine(within)} in the same interest, ${cosine(across)} in different interests`,
  ].join('\n');
}
