#pragma once

#include <cctype>
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

/** The value of a header field that Faiss no longer uses. */
constexpr int64_t placeholder = 1 << 20;

/**
 * Refuses kinds of index that Facet does not build, because Faiss crashes while it reads damaged ones. Refuses sizes that exceed the
 * file, because Faiss allocates memory for the sizes that a file names before it reads the content. Sees every read in the order of
 * `read_index`.
 */
class ReadCheck
{
public:
  explicit ReadCheck(size_t bytesInFile) : bytesInFile_(bytesInFile) {}

  void operator()(const void *value, size_t size, size_t items)
  {
    if (size == sizeof(uint32_t) && items == 1)
    {
      uint32_t tag;
      std::memcpy(&tag, value, sizeof(tag));
      if (isTagOfIndex(tag))
      {
        expect(isKnownIndex(tag), "its kind is unknown");
        // The number of vectors and two placeholders come next.
        sizesInHeader_ = 3;
      }
      const bool isSparse = tag == faiss::fourcc("sprs");
      if (isSparse || tag == faiss::fourcc("full"))
      {
        // The length of the sizes comes next, and then the sizes. A list has a code and a label for each entry.
        readsToSizes_ = 2;
        isSparse_ = isSparse;
        entryBytes_ = double(lastCount_) + sizeof(int64_t);
      }
    }
    else if (size == sizeof(int64_t))
    {
      if (readsToSizes_ > 0 && --readsToSizes_ == 0)
      {
        checkListSizes(static_cast<const uint8_t *>(value), items);
      }
      else if (items == 1)
      {
        std::memcpy(&lastCount_, value, sizeof(lastCount_));
        const bool isInHeader = sizesInHeader_ > 0 && sizesInHeader_-- > 0;
        const bool isInFile = lastCount_ >= -1 && lastCount_ <= static_cast<int64_t>(bytesInFile_);
        expect(isInFile || (isInHeader && lastCount_ == placeholder), "a size in it exceeds the file");
      }
    }
  }

private:
  /** Tags of indexes are an I and three letters or digits. No other number of 32 bits in a sound file looks like one. */
  static bool isTagOfIndex(uint32_t tag)
  {
    const auto *text = reinterpret_cast<const unsigned char *>(&tag);
    return text[0] == 'I' && std::isalnum(text[1]) && std::isalnum(text[2]) && std::isalnum(text[3]);
  }

  static bool isKnownIndex(uint32_t tag)
  {
    return tag == faiss::fourcc("IxF2") || tag == faiss::fourcc("IxFI") || tag == faiss::fourcc("IHNf") ||
           tag == faiss::fourcc("IwFl");
  }

  /** @param values the size of each inverted list; if sparse, pairs of a list and its size */
  void checkListSizes(const uint8_t *values, size_t items)
  {
    double entries = 0;
    for (size_t i = isSparse_ ? 1 : 0; i < items; i += isSparse_ ? 2 : 1)
    {
      uint64_t size;
      std::memcpy(&size, values + i * sizeof(size), sizeof(size));
      entries += double(size);
    }
    expect(entries * entryBytes_ <= double(bytesInFile_), "its clusters exceed the file");
  }

  const size_t bytesInFile_;
  int64_t lastCount_ = 0;
  int sizesInHeader_ = 0;
  int readsToSizes_ = 0;
  bool isSparse_ = false;
  double entryBytes_ = 0;
};

/** Vectors and graph stay where they are. */
struct ViewingReader : faiss::ZeroCopyIOReader
{
  ReadCheck check;

  ViewingReader(const uint8_t *data, size_t size) : faiss::ZeroCopyIOReader(data, size), check(size) {}

  size_t operator()(void *target, size_t size, size_t items) override
  {
    const size_t read = faiss::ZeroCopyIOReader::operator()(target, size, items);
    if (read == items)
    {
      check(target, size, items);
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
