#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <sys/mman.h>

namespace facet {

/**
 * Zeroed memory for an array that is read at random. In pages of 2 MB where the system has them: with small ones the
 * processor spends a third of such reads on looking up where a page is.
 */
inline std::shared_ptr<uint8_t> allocateLarge(size_t bytes)
{
  constexpr size_t page = 2 << 20;
  const size_t reserved = (bytes + page - 1) / page * page + page;
  void *start = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
  {
    throw std::bad_alloc();
  }
  auto aligned = reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(start) + page - 1) / page * page);
  madvise(aligned, reserved - page, MADV_HUGEPAGE);
  return std::shared_ptr<uint8_t>(aligned, [start, reserved](uint8_t *) { munmap(start, reserved); });
}

} // namespace facet
