import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DockerfileParser } from 'dockerfile-ast';

export const dockerfile = readFileSync(fileURLToPath(new URL('../../../infra/Dockerfile', import.meta.url)), 'utf8');

export interface BuildStep {
  readonly instruction: string;
  readonly content: string;
  /** Working directory. */
  readonly workdir: string;
}

/** Returns the instructions of a stage, in order. */
export function stepsOf(stage: string): BuildStep[] {
  const steps: BuildStep[] = [];
  let current: string | undefined;
  let workdir = '/';
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const content = instruction.getArgumentsContent() ?? '';
    if (instruction.getKeyword() === 'FROM') current = / AS (\S+)$/.exec(content)?.[1];
    else if (instruction.getKeyword() === 'WORKDIR') workdir = content;
    else if (current === stage) steps.push({ instruction: instruction.getKeyword(), content, workdir });
  }
  return steps;
}
