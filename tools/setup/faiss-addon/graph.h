#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>
#include "check.h"
#include "mapped-file.h"
#include "memory.h"

namespace facet {

/** The first bytes of a graph's file. */
struct GraphHeader
{
  char magic[4]; // "FctG"
  uint32_t version;
  uint32_t dim;
  uint32_t degree;      // links of an item on the lowest level
  uint32_t upperDegree; // and on each of the others
  uint32_t hasCodes;
  int32_t entry; // row where searches begin; -1 without items
  int32_t levels; // above the lowest
  int64_t count;
  int64_t upperLinks; // of all items together
};

constexpr char graphMagic[4] = {'F', 'c', 't', 'G'};
constexpr uint32_t graphVersion = 1;

inline size_t roundUp(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/** Where the arrays of a graph begin; each at a page, so that none shares a cache line with another. */
struct GraphLayout
{
  size_t width; // dim, padded with zeros so that every row begins at a cache line
  size_t rows, scales, codes, links, levels, upperStarts, upperLinks, labels, rowsOfLabels, bytes;

  explicit GraphLayout(const GraphHeader &header)
  {
    const size_t n = header.count;
    size_t end = sizeof(GraphHeader);
    const auto place = [&end](size_t bytes) {
      const size_t start = roundUp(end, 4096);
      end = start + bytes;
      return start;
    };
    width = roundUp(header.dim, 16);
    rows = place(n * width * sizeof(float));
    scales = place(width * sizeof(float));
    codes = place(header.hasCodes ? n * width : 0);
    links = place(n * header.degree * sizeof(int32_t));
    levels = place(n);
    upperStarts = place(n * sizeof(int32_t));
    upperLinks = place(header.upperLinks * sizeof(int32_t));
    labels = place(n * sizeof(int32_t));
    rowsOfLabels = place(n * sizeof(int32_t));
    bytes = roundUp(end, 4096);
  }
};

/**
 * A graph of nearest neighbors (HNSW, Malkov and Yashunin, arXiv:1603.09320) over vectors, searched by inner product. In
 * memory it is what its file is. Rows are in an order that puts neighbors near each other; labels are the order in which
 * vectors were added.
 */
struct Graph
{
  std::shared_ptr<uint8_t> image;
  GraphHeader header;
  size_t width;
  size_t bytes;
  float *rows;           // [count, width]
  float *scales;         // [width]: a value is about scale times code
  int8_t *codes;         // [count, width], or null
  int32_t *links;        // [count, degree]: rows; -1 after the last
  uint8_t *levels;       // [count]: above the lowest
  int32_t *upperStarts;  // [count]: where the upper links of a row begin; -1 where there are none
  int32_t *upperLinks;   // of level l (from 1) at start + (l - 1) * upperDegree
  int32_t *labels;       // [count]
  int32_t *rowsOfLabels; // [count]

  Graph(std::shared_ptr<uint8_t> memory, const GraphHeader &with) : image(std::move(memory)), header(with)
  {
    const GraphLayout layout(header);
    const auto at = [this](size_t offset) { return static_cast<void *>(image.get() + offset); };
    width = layout.width;
    bytes = layout.bytes;
    rows = static_cast<float *>(at(layout.rows));
    scales = static_cast<float *>(at(layout.scales));
    codes = header.hasCodes ? static_cast<int8_t *>(at(layout.codes)) : nullptr;
    links = static_cast<int32_t *>(at(layout.links));
    levels = static_cast<uint8_t *>(at(layout.levels));
    upperStarts = static_cast<int32_t *>(at(layout.upperStarts));
    upperLinks = static_cast<int32_t *>(at(layout.upperLinks));
    labels = static_cast<int32_t *>(at(layout.labels));
    rowsOfLabels = static_cast<int32_t *>(at(layout.rowsOfLabels));
  }

  const float *row(int32_t row) const { return rows + row * width; }
};

/** @throws std::runtime_error when a search would read outside of the graph, or it holds a value that is not finite. */
inline void checkGraph(const Graph &graph)
{
  const auto &header = graph.header;
  const auto n = static_cast<int32_t>(header.count);
  for (int32_t row = 0; row < n; row++)
  {
    const int32_t label = graph.labels[row];
    expect(label >= 0 && label < n && graph.rowsOfLabels[label] == row, "its labels are damaged");
    const int64_t start = graph.upperStarts[row];
    const int64_t room = int64_t(graph.levels[row]) * header.upperDegree;
    expect(room == 0 || (start >= 0 && start + room <= header.upperLinks), "its levels are damaged");
  }
  bool isWithin = true;
  for (size_t i = 0; i < size_t(n) * header.degree; i++)
  {
    isWithin &= graph.links[i] >= -1 && graph.links[i] < n;
  }
  expect(isWithin, "a link of it is damaged");
  for (int32_t row = 0; row < n; row++)
  {
    for (int level = 1; level <= graph.levels[row]; level++)
    {
      const int32_t *links = graph.upperLinks + graph.upperStarts[row] + (level - 1) * header.upperDegree;
      for (uint32_t j = 0; j < header.upperDegree; j++)
      {
        // A link is followed on its level.
        expect(links[j] >= -1 && links[j] < n && (links[j] < 0 || graph.levels[links[j]] >= level),
               "a link of it is damaged");
      }
    }
  }
  expect(n == 0 ? header.entry == -1 : header.entry >= 0 && header.entry < n && header.levels >= 0 &&
                                           graph.levels[header.entry] == header.levels,
         "its entry is damaged");
  const auto bits = reinterpret_cast<const uint32_t *>(graph.rows);
  bool isFinite = true;
  for (size_t i = 0; i < size_t(n) * graph.width; i++)
  {
    isFinite &= (bits[i] & 0x7f800000) != 0x7f800000;
  }
  for (size_t i = 0; i < graph.width; i++)
  {
    isFinite &= (reinterpret_cast<const uint32_t *>(graph.scales)[i] & 0x7f800000) != 0x7f800000;
  }
  expect(isFinite, "a vector of it is damaged");
}

/**
 * @param isMapped whether to leave the graph in the file and share it with other processes; else it is copied into large
 *   pages.
 * @throws std::exception for a file that is not a graph, or not a whole one.
 */
inline std::shared_ptr<const Graph> openGraph(const std::string &path, bool isMapped)
{
  auto file = std::make_shared<MappedFile>(path);
  GraphHeader header;
  expect(file->size() >= sizeof(header), "it has been cut short");
  std::memcpy(&header, file->data(), sizeof(header));
  expect(std::memcmp(header.magic, graphMagic, sizeof(graphMagic)) == 0, "it is not a graph");
  expect(header.version == graphVersion, "its format is of another version");
  constexpr uint32_t degreeMax = 1 << 12;
  expect(header.dim >= 1 && header.dim <= dimMax && header.degree >= 1 && header.degree <= degreeMax &&
             header.upperDegree >= 1 && header.upperDegree <= degreeMax && header.hasCodes <= 1 &&
             header.count >= 0 && header.count <= INT32_MAX && header.upperLinks >= 0 &&
             header.upperLinks <= INT32_MAX,
         "its header is damaged");
  const size_t bytes = GraphLayout(header).bytes;
  expect(file->size() >= bytes, "it has been cut short");
  expect(file->size() == bytes, "it is longer than it says");
  file->preload();
  std::shared_ptr<uint8_t> image;
  if (isMapped)
  {
    image = std::shared_ptr<uint8_t>(file->data(), [file](uint8_t *) {});
  }
  else
  {
    image = allocateLarge(bytes);
    std::memcpy(image.get(), file->data(), bytes);
  }
  auto graph = std::make_shared<const Graph>(image, header);
  checkGraph(*graph);
  return graph;
}

inline void writeGraph(const Graph &graph, const std::string &path)
{
  const auto fail = [&path] { throw std::runtime_error(path + " cannot be written: " + std::strerror(errno)); };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
  {
    fail();
  }
  for (size_t done = 0; done < graph.bytes;)
  {
    constexpr size_t atOnce = 64 << 20;
    const ssize_t written = write(file, graph.image.get() + done, std::min(atOnce, graph.bytes - done));
    if (written < 0 && errno != EINTR)
    {
      const int error = errno;
      close(file);
      errno = error;
      fail();
    }
    done += written > 0 ? written : 0;
  }
  if (close(file) != 0)
  {
    fail();
  }
}

} // namespace facet
