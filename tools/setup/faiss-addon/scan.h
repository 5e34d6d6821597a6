#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include "inner-products.h"

namespace facet {

/** Where the vectors of an index lie, by label. */
class StoredVectors
{
public:
  explicit StoredVectors(const faiss::Index &index)
  {
    auto hnsw = dynamic_cast<const faiss::IndexHNSW *>(&index);
    auto flat = dynamic_cast<const faiss::IndexFlat *>(hnsw ? hnsw->storage : &index);
    auto ivf = dynamic_cast<const faiss::IndexIVFFlat *>(&index);
    if (flat)
    {
      rows_ = flat->get_xb();
      width_ = flat->d;
    }
    else if (ivf)
    {
      places_.resize(ivf->ntotal, nullptr);
      for (size_t list = 0; list < ivf->nlist; list++)
      {
        auto codes = reinterpret_cast<const float *>(ivf->invlists->get_codes(list));
        auto ids = ivf->invlists->get_ids(list);
        for (size_t i = 0; i < ivf->invlists->list_size(list); i++)
        {
          places_[ids[i]] = codes + i * ivf->d;
        }
      }
      if (std::find(places_.begin(), places_.end(), nullptr) != places_.end())
      {
        throw std::runtime_error("The index lacks a label.");
      }
    }
    else
    {
      throw std::invalid_argument("Only an index that stores whole vectors can be scanned.");
    }
  }

  const float *operator[](int32_t label) const { return rows_ ? rows_ + label * width_ : places_[label]; }

private:
  const float *rows_ = nullptr;
  size_t width_ = 0;
  std::vector<const float *> places_;
};

/** The vectors of an index, found when first needed. */
struct LazyVectors
{
  std::once_flag once;
  std::unique_ptr<const StoredVectors> vectors;

  const StoredVectors &of(const faiss::Index &index)
  {
    std::call_once(once, [&] { vectors = std::make_unique<const StoredVectors>(index); });
    return *vectors;
  }
};

struct Scored
{
  float score;
  int32_t label;

  /** Better: a higher score, and of equal ones the lower label. */
  bool operator<(const Scored &other) const
  {
    return score > other.score || (score == other.score && label < other.label);
  }
};

/** Keeps the k best of what it is given, in any order, in time linear in that. */
class Best
{
public:
  explicit Best(size_t k) : k_(k) {}

  void offer(float score, int32_t label)
  {
    if (score < lowest_)
    {
      return;
    }
    // The sum of two products too large for a float may be no number, which has no place in an order.
    kept_.push_back({std::isnan(score) ? -std::numeric_limits<float>::infinity() : score, label});
    if (kept_.size() >= 2 * k_ + 64)
    {
      trim();
    }
  }

  /** Those kept, in no order. */
  std::vector<int32_t> labels()
  {
    trim();
    std::vector<int32_t> labels;
    for (const auto &one : kept_)
    {
      labels.push_back(one.label);
    }
    return labels;
  }

  /** Best first; where there are fewer than k, -1 with -Infinity. */
  void write(size_t k, float *scores, int32_t *labels)
  {
    trim();
    std::sort(kept_.begin(), kept_.end());
    for (size_t rank = 0; rank < k; rank++)
    {
      const bool isFound = rank < kept_.size();
      scores[rank] = isFound ? kept_[rank].score : -std::numeric_limits<float>::infinity();
      labels[rank] = isFound ? kept_[rank].label : -1;
    }
  }

private:
  void trim()
  {
    if (kept_.size() > k_)
    {
      std::nth_element(kept_.begin(), kept_.begin() + (k_ - 1), kept_.end());
      kept_.resize(k_);
      lowest_ = kept_[k_ - 1].score;
    }
  }

  size_t k_;
  float lowest_ = -std::numeric_limits<float>::infinity();
  std::vector<Scored> kept_;
};

inline void checkLabels(const std::vector<int32_t> &labels, int64_t ntotal)
{
  for (auto label : labels)
  {
    if (label < 0 || label >= ntotal)
    {
      throw std::invalid_argument("Expected labels from 0 to ntotal - 1 (ntotal: " + std::to_string(ntotal) +
                                  "), but got " + std::to_string(label) + ".");
    }
  }
}

/** Vectors whose memory is under way while one is scored. */
constexpr size_t scanAhead = 12;

/**
 * The k highest inner products of `count` queries (`[count, d]`) with the vectors of the given labels, whatever the
 * metric of the index. Each vector is read once, for all queries.
 */
inline void scan(const StoredVectors &vectors, int64_t ntotal, const std::vector<int32_t> &labels, const float *queries,
                 size_t count, size_t d, size_t k, float *scores, int32_t *found)
{
  checkLabels(labels, ntotal);
  std::vector<Best> best(count, Best(std::min(k, labels.size() + 1)));
  std::vector<float> products(count);
  for (size_t i = 0; i < std::min(scanAhead, labels.size()); i++)
  {
    prefetch(vectors[labels[i]], d * sizeof(float));
  }
  for (size_t i = 0; i < labels.size(); i++)
  {
    if (i + scanAhead < labels.size())
    {
      prefetch(vectors[labels[i + scanAhead]], d * sizeof(float));
    }
    innerProducts(vectors[labels[i]], queries, count, d, products.data());
    for (size_t q = 0; q < count; q++)
    {
      best[q].offer(products[q], labels[i]);
    }
  }
  for (size_t q = 0; q < count; q++)
  {
    best[q].write(k, scores + q * k, found + q * k);
  }
}

} // namespace facet
