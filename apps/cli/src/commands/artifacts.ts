import { moveArtifactsToS3 } from '@facet/artifacts';
import type { MovedArtifacts } from '@facet/artifacts';
import { homePaths } from '@facet/config/home-paths';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addSubcommand } from '../options.ts';
import type { Register } from '../options.ts';
import { countOf } from '../terminal/text.ts';

export const registerArtifacts: Register = (command, deps) => {
  addNotes(
    addHome(
      addSubcommand(command, 'upload', 'Move artifacts, references and promotions to the bucket of s3.yaml'),
      deps,
    ),
    `Verifies each artifact, uploads it, and moves the local files to artifacts/uploaded. Stop all processes of the home first. May be
interrupted and repeated. Erasures do not change the files in artifacts/uploaded: delete them when the bucket is in use.`,
    'facet artifacts upload --home /data/shop',
  ).action(deps.action(upload));
};

async function upload({ home }: CommonOptions, context: CommandContext): Promise<void> {
  const { artifactsFolder } = homePaths(home);
  const moved = await context.progress.run('upload', '', async (stage) => {
    const result = await moveArtifactsToS3(artifactsFolder, (done, total) =>
      stage.update(done / total, `${done} of ${countOf(total, 'artifact')}`),
    );
    stage.done(countOf(result.uploaded, 'artifact'));
    return result;
  });
  report(home, moved, context);
}

function report(home: string, { uploaded, corrupt, movedTo }: MovedArtifacts, { output }: CommandContext): void {
  output.document({ home, uploaded, corrupt, movedTo: movedTo ?? null });
  const lines = [`${countOf(uploaded, 'artifact')} in the bucket.`];
  if (corrupt.length > 0) {
    lines.push(`Not uploaded, because they are corrupt: ${corrupt.map(({ kind, id }) => `${kind} ${id}`).join(', ')}.`);
  }
  if (movedTo !== undefined) lines.push(`The local files are in ${movedTo}. Delete them when the bucket is in use.`);
  output.show(lines.join('\n'));
}
