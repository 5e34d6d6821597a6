#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <faiss/Index.h>
#include <faiss/impl/zerocopy_io.h>
#include <faiss/index_io.h>
#include "check-index.h"
#include "mapped-file.h"

namespace facet {

/** Faiss writes this where it once kept something. */
constexpr int64_t placeholder = 1 << 20;

/**
 * Faiss makes room for as many values as a file says that it holds before it looks whether it does. So a count that the
 * file has no room for is refused when it is read.
 */
inline void checkCount(const void *value, size_t size, size_t items, size_t bytesInFile)
{
  if (size != sizeof(int64_t) || items != 1)
  {
    return;
  }
  int64_t count;
  std::memcpy(&count, value, sizeof(count));
  expect(count == placeholder || (count >= -1 && count <= static_cast<int64_t>(bytesInFile)),
         "it says that it holds more than it does");
}

/** Vectors and graph stay where they are. */
struct ViewingReader : faiss::ZeroCopyIOReader
{
  using faiss::ZeroCopyIOReader::ZeroCopyIOReader;

  size_t operator()(void *target, size_t size, size_t items) override
  {
    const size_t read = faiss::ZeroCopyIOReader::operator()(target, size, items);
    if (read == items)
    {
      checkCount(target, size, items, total_);
    }
    return read;
  }
};

/** All is copied: Faiss looks at the class of its reader. */
struct CopyingReader : faiss::IOReader
{
  ViewingReader reader;

  CopyingReader(const uint8_t *data, size_t size) : reader(data, size) {}

  size_t operator()(void *target, size_t size, size_t items) override { return reader(target, size, items); }
};

/**
 * @param isMapped whether vectors and graph stay in the file, which then lives as long as the index.
 * @throws std::exception for a file that is not an index, or not a whole one.
 */
inline std::shared_ptr<faiss::Index> readIndex(const std::string &path, bool isMapped)
{
  auto file = std::make_shared<MappedFile>(path);
  file->preload();
  std::shared_ptr<faiss::Index> index;
  if (isMapped)
  {
    ViewingReader reader(file->data(), file->size());
    reader.name = path;
    index = std::shared_ptr<faiss::Index>(faiss::read_index(&reader), [file](faiss::Index *read) { delete read; });
    // Faiss takes a view of half a value for one of a whole one.
    expect(reader.rp_ <= reader.total_, "it has been cut short");
  }
  else
  {
    CopyingReader reader(file->data(), file->size());
    reader.name = path;
    index.reset(faiss::read_index(&reader));
  }
  checkIndex(*index);
  return index;
}

} // namespace facet
