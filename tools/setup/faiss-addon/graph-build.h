#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include "graph.h"

namespace facet {

/**
 * Codes of 8 bits are used where they are off by at most this share of the length of a vector of median length. Where a few
 * vectors are much longer than the others, codes would tell the others apart no more.
 */
constexpr double codeErrorMax = 0.03;

/**
 * Rows in the order in which a walk of the links reaches them, breadth first from the entry (labels by row): what a search
 * looks at together then lies in fewer pages.
 */
inline std::vector<int32_t> breadthFirst(const faiss::HNSW &hnsw, int32_t count)
{
  std::vector<int32_t> order;
  order.reserve(count);
  std::vector<bool> isPlaced(count, false);
  const auto place = [&](int32_t label) {
    if (!isPlaced[label])
    {
      isPlaced[label] = true;
      order.push_back(label);
    }
  };
  int32_t unplaced = 0;
  if (count > 0)
  {
    place(hnsw.entry_point);
  }
  for (size_t next = 0; int32_t(next) < count; next++)
  {
    if (next == order.size()) // what no link leads to
    {
      while (isPlaced[unplaced])
      {
        unplaced++;
      }
      place(unplaced);
    }
    size_t begin, end;
    hnsw.neighbor_range(order[next], 0, &begin, &end);
    for (size_t j = begin; j < end && hnsw.neighbors[j] >= 0; j++)
    {
      place(hnsw.neighbors[j]);
    }
  }
  return order;
}

inline std::vector<int32_t> asAdded(int32_t count)
{
  std::vector<int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/** The scale of each value's codes; false where codes would be too coarse. */
inline bool chooseScales(const float *vectors, size_t count, size_t stride, size_t dim, float *scales)
{
  std::vector<float> highest(dim, 0);
  std::vector<float> squares(count, 0);
  for (size_t i = 0; i < count; i++)
  {
    for (size_t d = 0; d < dim; d++)
    {
      const float value = vectors[i * stride + d];
      highest[d] = std::max(highest[d], std::fabs(value));
      squares[i] += value * value;
    }
  }
  double errors = 0;
  for (size_t d = 0; d < dim; d++)
  {
    scales[d] = highest[d] / 127;
    errors += double(scales[d]) * scales[d] / 12; // variance of rounding to whole steps
  }
  if (count == 0)
  {
    return false;
  }
  std::nth_element(squares.begin(), squares.begin() + count / 2, squares.end());
  return errors > 0 && errors <= codeErrorMax * codeErrorMax * squares[count / 2];
}

/** For measuring what they are good for; both are better. */
struct TakeOptions
{
  bool codes = true; // where they are precise enough
  bool order = true; // else that of the labels
};

/**
 * A graph as Faiss has built it over vectors of which the first `dim` values count, in the form that is searched. The
 * index is taken apart on the way, so that both are never whole in memory at a time.
 */
inline std::shared_ptr<const Graph> takeGraph(faiss::IndexHNSW &index, size_t dim, const TakeOptions &options)
{
  auto flat = dynamic_cast<faiss::IndexFlat *>(index.storage);
  expect(flat && dim >= 1 && dim <= size_t(index.d), "Only a graph over whole vectors can be taken.");
  auto &hnsw = index.hnsw;
  const auto n = static_cast<int32_t>(index.ntotal);
  const size_t stride = index.d;

  GraphHeader header{};
  std::memcpy(header.magic, graphMagic, sizeof(graphMagic));
  header.version = graphVersion;
  header.dim = dim;
  header.degree = hnsw.nb_neighbors(0);
  header.upperDegree = hnsw.nb_neighbors(1);
  header.count = n;
  for (int32_t label = 0; label < n; label++)
  {
    header.upperLinks += int64_t(hnsw.levels[label] - 1) * header.upperDegree;
  }
  std::vector<float> scales(dim, 0);
  header.hasCodes = options.codes && chooseScales(flat->get_xb(), n, stride, dim, scales.data());

  const auto order = options.order ? breadthFirst(hnsw, n) : asAdded(n);
  std::vector<int32_t> rowOf(n);
  for (int32_t row = 0; row < n; row++)
  {
    rowOf[order[row]] = row;
  }
  header.entry = n == 0 ? -1 : rowOf[hnsw.entry_point];
  header.levels = n == 0 ? 0 : hnsw.max_level;

  const size_t bytes = GraphLayout(header).bytes;
  auto image = allocateLarge(bytes);
  std::memcpy(image.get(), &header, sizeof(header));
  auto graph = std::make_shared<Graph>(image, header);
  std::memcpy(graph->scales, scales.data(), dim * sizeof(float));
  std::copy(order.begin(), order.end(), graph->labels);
  std::copy(rowOf.begin(), rowOf.end(), graph->rowsOfLabels);
  for (int32_t row = 0; row < n; row++)
  {
    const float *vector = flat->get_xb() + order[row] * stride;
    std::memcpy(graph->rows + row * graph->width, vector, dim * sizeof(float));
    for (size_t d = 0; graph->codes && d < dim; d++)
    {
      graph->codes[row * graph->width + d] = scales[d] > 0 ? int8_t(std::lrint(vector[d] / scales[d])) : 0;
    }
  }
  flat->codes = faiss::MaybeOwnedVector<uint8_t>();

  int64_t upperEnd = 0;
  for (int32_t row = 0; row < n; row++)
  {
    graph->levels[row] = hnsw.levels[order[row]] - 1;
    graph->upperStarts[row] = graph->levels[row] > 0 ? upperEnd : -1;
    for (int level = 0; level <= graph->levels[row]; level++)
    {
      size_t begin, end;
      hnsw.neighbor_range(order[row], level, &begin, &end);
      int32_t *links = level == 0 ? graph->links + row * size_t(header.degree) : graph->upperLinks + upperEnd;
      for (size_t j = begin; j < end; j++)
      {
        const auto neighbor = hnsw.neighbors[j];
        links[j - begin] = neighbor < 0 ? -1 : rowOf[neighbor];
      }
      upperEnd += level == 0 ? 0 : header.upperDegree;
    }
  }
  index.reset();
  return graph;
}

} // namespace facet
