#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include "check.h"

namespace facet {

inline void checkLinks(const faiss::IndexHNSW &index)
{
  const auto &hnsw = index.hnsw;
  const size_t n = index.ntotal;
  expect(hnsw.levels.size() == n && hnsw.offsets.size() == n + 1 && hnsw.offsets[0] == 0, "its graph is damaged");
  for (size_t i = 0; i < n; i++)
  {
    const size_t level = hnsw.levels[i];
    expect(level >= 1 && level < hnsw.cum_nneighbor_per_level.size(), "its graph has a level that is damaged");
    expect(hnsw.offsets[i + 1] - hnsw.offsets[i] == size_t(hnsw.cum_nneighbor_per_level[level]),
           "its graph has an offset that is damaged");
  }
  expect(hnsw.neighbors.size() == hnsw.offsets[n], "its graph is damaged");
  for (size_t i = 0; i < n; i++)
  {
    for (int level = 0; level < hnsw.levels[i]; level++)
    {
      size_t begin, end;
      hnsw.neighbor_range(i, level, &begin, &end);
      expect(begin <= end && end <= hnsw.offsets[i + 1], "its graph has links that are damaged");
      for (size_t j = begin; j < end; j++)
      {
        const auto neighbor = hnsw.neighbors[j];
        expect(neighbor >= -1 && neighbor < index.ntotal, "its graph has a link that is damaged");
        // A link of an upper level is followed on that level.
        expect(neighbor < 0 || hnsw.levels[neighbor] > level, "its graph has a link that is damaged");
      }
    }
  }
  expect(n == 0 ? hnsw.entry_point == -1
                : hnsw.entry_point >= 0 && hnsw.entry_point < index.ntotal && hnsw.max_level >= 0 &&
                      hnsw.levels[hnsw.entry_point] == hnsw.max_level + 1,
         "its graph has an entry that is damaged");
  // A search allocates memory for the breadth. Faiss multiplies it with level and dimension as numbers of 32 bits.
  constexpr int breadthMax = 1 << 20;
  expect(hnsw.efSearch >= 1 && hnsw.efSearch <= breadthMax &&
             double(hnsw.max_level) * index.d * hnsw.efSearch <= INT32_MAX,
         "its search breadth is damaged");
}

/** Faiss walks its graph out of its memory when no distance is finite, so no value may be so large that its square is not. */
inline void checkValues(const faiss::Index &storage)
{
  const auto *flat = dynamic_cast<const faiss::IndexFlat *>(&storage);
  constexpr float valueMax = 1e15f;
  for (size_t i = 0; flat && i < flat->codes.size(); i += sizeof(float))
  {
    float value;
    std::memcpy(&value, flat->codes.data() + i, sizeof(value));
    expect(std::abs(value) <= valueMax, "a vector of it is damaged");
  }
}

/** @throws std::runtime_error when a search would read outside of what the file held. */
inline void checkIndex(const faiss::Index &index)
{
  expect(index.d > 0 && index.d <= dimMax && index.ntotal >= 0, "its width is damaged");
  int metric; // a damaged one is no value of its type
  std::memcpy(&metric, &index.metric_type, sizeof(metric));
  expect(metric == faiss::METRIC_INNER_PRODUCT || metric == faiss::METRIC_L2, "its metric is unknown");
  if (auto flat = dynamic_cast<const faiss::IndexFlatCodes *>(&index))
  {
    expect(flat->code_size > 0 && flat->codes.size() == size_t(flat->ntotal) * flat->code_size,
           "its vectors are damaged");
  }
  else if (auto hnsw = dynamic_cast<const faiss::IndexHNSW *>(&index))
  {
    expect(hnsw->storage && hnsw->storage->ntotal == hnsw->ntotal && hnsw->storage->d == hnsw->d,
           "its vectors do not fit its graph");
    checkIndex(*hnsw->storage);
    checkValues(*hnsw->storage);
    checkLinks(*hnsw);
  }
  else if (auto ivf = dynamic_cast<const faiss::IndexIVF *>(&index))
  {
    expect(ivf->quantizer && ivf->invlists && ivf->quantizer->d == ivf->d, "its clusters are damaged");
    expect(size_t(ivf->quantizer->ntotal) == ivf->nlist && ivf->invlists->nlist == ivf->nlist &&
               ivf->invlists->code_size == ivf->code_size,
           "its clusters are damaged");
    expect(!dynamic_cast<const faiss::IndexIVFFlat *>(ivf) || ivf->code_size == ivf->d * sizeof(float),
           "its vectors are damaged");
    checkIndex(*ivf->quantizer);
    size_t total = 0;
    for (size_t list = 0; list < ivf->nlist; list++)
    {
      const size_t size = ivf->invlists->list_size(list);
      const auto ids = ivf->invlists->get_ids(list);
      total += size;
      for (size_t i = 0; i < size; i++)
      {
        expect(ids[i] >= 0 && ids[i] < ivf->ntotal, "its clusters hold a label that is damaged");
      }
    }
    expect(total == size_t(ivf->ntotal), "its clusters are damaged");
  }
  const bool isKnown = dynamic_cast<const faiss::IndexFlat *>(&index) || dynamic_cast<const faiss::IndexHNSWFlat *>(&index) ||
                       dynamic_cast<const faiss::IndexIVFFlat *>(&index);
  expect(isKnown, "its kind is unknown"); // Faiss ends the process for damaged parameters of other kinds
}

} // namespace facet
