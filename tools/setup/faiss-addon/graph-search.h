#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "graph.h"
#include "inner-products.h"
#include "scan.h"

namespace facet {

/** Bit (label & 7) of byte (label >> 3); labels beyond the end are not allowed. */
struct Bitmap
{
  const uint8_t *bytes = nullptr; // null: all are allowed
  size_t size = 0;

  bool allows(int32_t label) const
  {
    return !bytes || (size_t(label >> 3) < size && (bytes[label >> 3] >> (label & 7) & 1));
  }
};

/** What a walk needs room for; kept by a thread from one search to the next. */
struct WalkRoom
{
  struct Candidate
  {
    float score;
    int32_t row; // the highest bit is set once its links have been followed
  };

  std::vector<uint64_t> seen;
  std::vector<Candidate> candidates;
  std::vector<int32_t> fresh;
  std::vector<int16_t> query;
};

/** Scores a walk by the vectors themselves. The query is padded as they are. */
class ByVector
{
public:
  ByVector(const Graph &graph, const float *query, WalkRoom &) : rows_(graph.rows), width_(graph.width), query_(query) {}

  float operator()(int32_t row) const
  {
    float product;
    innerProductsOf<1>(rows_ + row * width_, query_, width_, &product);
    return product;
  }

  void prefetch(int32_t row) const { facet::prefetch(rows_ + row * width_, width_ * sizeof(float)); }

private:
  const float *rows_;
  size_t width_;
  const float *query_;
};

/** Scores a walk by the codes: in proportion to inner products, nearly. A query is whole numbers of 16 bits. */
class ByCode
{
public:
  ByCode(const Graph &graph, const float *query, WalkRoom &room) : codes_(graph.codes), width_(graph.width)
  {
    room.query.resize(width_);
    int16_t *whole = room.query.data();
    query_ = whole;
    float highest = 0;
    for (size_t d = 0; d < width_; d++)
    {
      highest = std::max(highest, std::fabs(query[d] * graph.scales[d]));
    }
    // Sums stay within 32 bits.
    const float most = std::min(32000.0f, 2e9f / (127.0f * width_));
    for (size_t d = 0; d < width_; d++)
    {
      whole[d] = highest > 0 ? int16_t(std::lrint(query[d] * graph.scales[d] / highest * most)) : 0;
    }
  }

  float operator()(int32_t row) const
  {
    const int8_t *code = codes_ + row * width_;
#ifdef __AVX2__
    __m256i sums = _mm256_setzero_si256();
    for (size_t d = 0; d < width_; d += 16)
    {
      const __m256i values = _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i *>(code + d)));
      const __m256i query = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(query_ + d));
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(values, query));
    }
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
    return static_cast<float>(_mm_cvtsi128_si32(half));
#else
    int32_t sum = 0;
    for (size_t d = 0; d < width_; d++)
    {
      sum += int32_t(code[d]) * query_[d];
    }
    return static_cast<float>(sum);
#endif
  }

  void prefetch(int32_t row) const { facet::prefetch(codes_ + row * width_, width_); }

private:
  const int8_t *codes_;
  size_t width_;
  const int16_t *query_;
};

/** Candidates of a walk whose links are asked for before they are followed. */
constexpr size_t linksAhead = 2;

/**
 * One query's way through the graph (Malkov and Yashunin, algorithm 2): the `breadth` best rows seen so far, best first,
 * whose links are followed in turn. A step is two halves, so that the memory that one asks for can arrive while other
 * queries make theirs.
 */
template <class Scorer>
class Walk
{
public:
  Walk(const Graph &graph, const float *query, size_t breadth, const Bitmap &allowed, WalkRoom &room)
      : graph_(graph), scorer_(graph, query, room), breadth_(breadth), allowed_(allowed), room_(room), found_(breadth)
  {
    room_.seen.assign((graph.header.count + 63) / 64, 0);
    room_.candidates.resize(breadth);
    room_.fresh.resize(graph.header.degree);
    int32_t best = graph.header.entry;
    float bestScore = scorer_(best);
    for (int level = graph.header.levels; level >= 1; level--)
    {
      while (stepUpon(level, best, bestScore))
      {
      }
    }
    room_.seen[best >> 6] |= uint64_t(1) << (best & 63);
    keep(bestScore, best);
    prefetchLinks();
  }

  /** Takes the next candidate, and asks for what its links lead to. False when all have been followed. */
  bool look()
  {
    if (next_ == size_)
    {
      return false;
    }
    auto &candidate = room_.candidates[next_];
    const size_t degree = graph_.header.degree;
    const int32_t *links = graph_.links + candidate.row * degree;
    candidate.row |= followed;
    uint64_t *seen = room_.seen.data();
    int32_t *fresh = room_.fresh.data();
    size_t count = 0;
    for (size_t j = 0; j < degree && links[j] >= 0; j++)
    {
      const int32_t row = links[j];
      const uint64_t bit = uint64_t(1) << (row & 63);
      const uint64_t before = seen[row >> 6];
      fresh[count] = row;
      count += (before & bit) == 0;
      seen[row >> 6] = before | bit;
    }
    freshCount_ = count;
    for (size_t i = 0; i < count; i++)
    {
      scorer_.prefetch(fresh[i]);
    }
    return true;
  }

  /** Scores what the last look has found. */
  void weigh()
  {
    const Scorer scorer = scorer_;
    const int32_t *fresh = room_.fresh.data();
    for (size_t i = 0, count = freshCount_; i < count; i++)
    {
      keep(scorer(fresh[i]), fresh[i]);
    }
    const auto *candidates = room_.candidates.data();
    while (next_ < size_ && candidates[next_].row < 0)
    {
      next_++;
    }
    prefetchLinks();
  }

  /** The k best allowed rows among those kept, scored by their vectors. */
  void write(const float *query, size_t k, float *scores, int32_t *labels)
  {
    std::vector<int32_t> rows;
    if (allowed_.bytes)
    {
      rows = found_.labels();
    }
    else
    {
      rows.resize(size_);
      for (size_t i = 0; i < size_; i++)
      {
        rows[i] = room_.candidates[i].row & ~followed;
      }
    }
    const ByVector exact(graph_, query, room_);
    for (size_t i = 0; i < std::min(scanAhead, rows.size()); i++)
    {
      exact.prefetch(rows[i]);
    }
    Best best(k);
    for (size_t i = 0; i < rows.size(); i++)
    {
      if (i + scanAhead < rows.size())
      {
        exact.prefetch(rows[i + scanAhead]);
      }
      best.offer(exact(rows[i]), graph_.labels[rows[i]]);
    }
    best.write(k, scores, labels);
  }

private:
  static constexpr int32_t followed = INT32_MIN;

  /** Goes to the best of a row's links on an upper level, if that is better. */
  bool stepUpon(int level, int32_t &best, float &bestScore) const
  {
    const int32_t *links = graph_.upperLinks + graph_.upperStarts[best] + (level - 1) * graph_.header.upperDegree;
    const int32_t before = best;
    for (uint32_t j = 0; j < graph_.header.upperDegree && links[j] >= 0; j++)
    {
      const float score = scorer_(links[j]);
      if (score > bestScore)
      {
        bestScore = score;
        best = links[j];
      }
    }
    return best != before;
  }

  void keep(float score, int32_t row)
  {
    if (allowed_.bytes && allowed_.allows(graph_.labels[row]))
    {
      found_.offer(score, row);
    }
    auto *candidates = room_.candidates.data();
    if (size_ == breadth_ && score <= candidates[size_ - 1].score)
    {
      return;
    }
    size_t place = 0;
    for (size_t end = size_; place < end;)
    {
      const size_t middle = (place + end) / 2;
      if (candidates[middle].score >= score)
      {
        place = middle + 1;
      }
      else
      {
        end = middle;
      }
    }
    const size_t moved = std::min(size_, breadth_ - 1) - place;
    std::memmove(candidates + place + 1, candidates + place, moved * sizeof(*candidates));
    candidates[place] = {score, row};
    size_ += size_ < breadth_;
    next_ = std::min(next_, place);
  }

  /** Those of the next candidates, unless nearer ones come before them. */
  void prefetchLinks() const
  {
    const size_t degree = graph_.header.degree;
    const auto *candidates = room_.candidates.data();
    size_t asked = 0;
    for (size_t i = next_; i < size_ && asked < linksAhead; i++)
    {
      if (candidates[i].row >= 0)
      {
        prefetch(graph_.links + candidates[i].row * degree, degree * sizeof(int32_t));
        asked++;
      }
    }
  }

  const Graph &graph_;
  Scorer scorer_;
  size_t breadth_;
  Bitmap allowed_;
  WalkRoom &room_;
  Best found_;
  size_t size_ = 0;
  size_t next_ = 0; // the first candidate that has not been followed
  size_t freshCount_ = 0;
};

/** Queries that walk at the same time. */
constexpr size_t walksAtOnce = 4;

template <class Scorer>
void walk(const Graph &graph, const float *queries, size_t count, size_t k, size_t breadth, const Bitmap &allowed,
          float *scores, int32_t *labels)
{
  thread_local WalkRoom rooms[walksAtOnce];
  std::vector<Walk<Scorer>> walks;
  walks.reserve(count);
  std::vector<size_t> going;
  for (size_t q = 0; q < count; q++)
  {
    walks.emplace_back(graph, queries + q * graph.width, breadth, allowed, rooms[q]);
    going.push_back(q);
  }
  while (!going.empty())
  {
    going.erase(std::remove_if(going.begin(), going.end(), [&](size_t q) { return !walks[q].look(); }), going.end());
    for (size_t q : going)
    {
      walks[q].weigh();
    }
  }
  for (size_t q = 0; q < count; q++)
  {
    walks[q].write(queries + q * graph.width, k, scores + q * k, labels + q * k);
  }
}

/** `[count, dim]` as `[count, width]`. */
inline std::vector<float> padded(const Graph &graph, const float *queries, size_t count)
{
  const size_t dim = graph.header.dim;
  std::vector<float> result(count * graph.width, 0);
  for (size_t q = 0; q < count; q++)
  {
    std::copy(queries + q * dim, queries + (q + 1) * dim, result.begin() + q * graph.width);
  }
  return result;
}

/**
 * The k highest inner products of the rows that `rowAt` gives for 0 to `rowCount` - 1 (negative: none), each row read once
 * for all queries. `queries` are padded.
 */
template <class RowAt>
void scanRows(const Graph &graph, const float *queries, size_t count, size_t k, size_t rowCount, RowAt rowAt,
              float *scores, int32_t *labels)
{
  std::vector<Best> best(count, Best(std::min(k, rowCount + 1)));
  std::vector<float> products(count);
  const auto ask = [&](size_t i) {
    const int32_t row = i < rowCount ? rowAt(i) : -1;
    if (row >= 0)
    {
      prefetch(graph.row(row), graph.width * sizeof(float));
    }
  };
  for (size_t i = 0; i < scanAhead; i++)
  {
    ask(i);
  }
  for (size_t i = 0; i < rowCount; i++)
  {
    ask(i + scanAhead);
    const int32_t row = rowAt(i);
    if (row < 0)
    {
      continue;
    }
    innerProducts(graph.row(row), queries, count, graph.width, products.data());
    for (size_t q = 0; q < count; q++)
    {
      best[q].offer(products[q], graph.labels[row]);
    }
  }
  for (size_t q = 0; q < count; q++)
  {
    best[q].write(k, scores + q * k, labels + q * k);
  }
}

/**
 * The rows of labels, each once, in the order in which they lie where there are many: read in any other, each waits for
 * memory. A bit for every row sorts them in less time than they are read in.
 */
inline std::vector<int32_t> rowsInOrder(const Graph &graph, const std::vector<int32_t> &labels)
{
  std::vector<int32_t> rows;
  rows.reserve(labels.size());
  constexpr size_t bits = 64;
  const size_t words = graph.header.count / bits + 1;
  if (labels.size() < words)
  {
    for (auto label : labels)
    {
      rows.push_back(graph.rowsOfLabels[label]);
    }
    return rows;
  }
  std::vector<uint64_t> isWanted(words, 0);
  for (auto label : labels)
  {
    const auto row = static_cast<size_t>(graph.rowsOfLabels[label]);
    isWanted[row / bits] |= uint64_t(1) << (row % bits);
  }
  for (size_t word = 0; word < words; word++)
  {
    for (uint64_t left = isWanted[word]; left != 0; left &= left - 1)
    {
      rows.push_back(static_cast<int32_t>(word * bits + __builtin_ctzll(left)));
    }
  }
  return rows;
}

/** A search of this share of all rows and more looks at nearly every one, in a bad order. */
constexpr int64_t scanShare = 16;

/**
 * The k allowed rows of the highest inner products with each of `count` queries (`[count, dim]`), as labels, best first;
 * where fewer were found -1 with -Infinity. Scores are exact.
 *
 * @param breadth candidates of each query; at least k.
 */
inline void searchGraph(const Graph &graph, const float *queries, size_t count, size_t k, size_t breadth,
                        const Bitmap &allowed, float *scores, int32_t *labels)
{
  const auto padding = padded(graph, queries, count);
  if (int64_t(breadth) * scanShare >= graph.header.count)
  {
    const auto rowAt = [&](size_t row) { return allowed.allows(graph.labels[row]) ? int32_t(row) : -1; };
    scanRows(graph, padding.data(), count, k, graph.header.count, rowAt, scores, labels);
    return;
  }
  for (size_t first = 0; first < count; first += walksAtOnce)
  {
    const size_t some = std::min(walksAtOnce, count - first);
    const auto run = graph.codes ? walk<ByCode> : walk<ByVector>;
    run(graph, padding.data() + first * graph.width, some, k, breadth, allowed, scores + first * k, labels + first * k);
  }
}

} // namespace facet
