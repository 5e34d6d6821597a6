export { eraseFromArtifacts, findUserInArtifacts } from './artifact-users.ts';
export type { ArtifactWithUsers, DamagedArtifact } from './artifact-users.ts';
