export { eraseFromArtifacts, findUserInArtifacts } from './artifact-users.ts';
export type { ArtifactWithUsers } from './artifact-users.ts';
