import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { createRandom } from '@facet/features';
import type { FeatureSchema } from '@facet/features';
import { createScratchFolder } from '@facet/local-services';
import { createInferenceEngine, facetModel } from '@facet/model';
import { buildFaissIndex, syntheticVectors } from '@facet/retrieval';
import {
  brandCount,
  categoryCount,
  createWorldModel,
  drawCatalog,
  drawPopularity,
  sequenceLength,
} from '../serving/world-parts.ts';
import { putBundle } from '../serving/world.ts';

/** Writes a bundle of a generated catalog to a store. Returns its id. */
export async function makeBundle(root: string, itemCount: number): Promise<string> {
  const dim = facetModel.embeddingDim;
  const random = createRandom(6);
  const feature = (name: string, count: number): FeatureSchema => ({
    name,
    kind: 'category',
    values: Array.from({ length: count }, (_, value) => `${name}-${value}`),
    edges: [],
    slots: 1,
  });
  const model = createWorldModel(itemCount, [feature('brand', brandCount), feature('category', categoryCount)]);
  const embeddings = new Float32Array((itemCount + 1) * dim);
  embeddings.set(syntheticVectors(itemCount, dim, 1), dim);
  const index = await buildFaissIndex(embeddings.subarray(dim), dim, { kind: 'flat' });
  const { path: scratch } = await createScratchFolder('bench-catalog-index');
  const indexFile = join(scratch, 'index.faiss');
  await index.save(indexFile);
  index.close();
  const { id } = await putBundle(
    createFolderArtifactStore(root),
    'generated',
    {
      model,
      choice: { kind: 'flat', reason: 'a benchmark', recall: null, recallAt: 200 },
      indexFile,
      embeddings,
      vectors: embeddings,
      engine: createInferenceEngine(model.spec, model.tower, embeddings),
      users: Array.from({ length: 20 }, () =>
        Int32Array.from({ length: sequenceLength }, () => 1 + random.int(itemCount)),
      ),
    },
    { items: drawCatalog(embeddings, dim), popularity: drawPopularity(itemCount) },
  );
  return id;
}
