/** Identifies one immutable artifact by its kind (`dataset`, `model`, `bundle`, …) and the hash of its content. */
export interface ArtifactRef {
  readonly kind: string;
  readonly id: string;
}
