#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace facet {

/**
 * A file in memory, shared with every process that maps it. Writing into it changes this process's copy only, never the
 * file. The file may be deleted meanwhile, but must not be cut short: what is then missing ends the process (SIGBUS).
 *
 * Behind its last byte lies at least a page of zeros, so that reading a little too far is harmless.
 */
class MappedFile
{
public:
  explicit MappedFile(const std::string &path)
  {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
    {
      throw problem(path, "cannot be opened");
    }
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
    {
      const auto error = S_ISREG(status.st_mode) ? problem(path, "cannot be read")
                                                 : std::runtime_error(path + " is not a file");
      close(file);
      throw error;
    }
    size_ = static_cast<size_t>(status.st_size);
    const size_t page = sysconf(_SC_PAGESIZE);
    reserved_ = (size_ + page - 1) / page * page + page;
    const int flags = MAP_PRIVATE | MAP_NORESERVE;
    void *whole = mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    const bool isReserved = whole != MAP_FAILED;
    const bool isMapped =
        isReserved &&
        (size_ == 0 || mmap(whole, size_, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0) != MAP_FAILED);
    if (!isMapped)
    {
      const auto error = problem(path, "cannot be mapped");
      if (isReserved)
      {
        munmap(whole, reserved_);
      }
      close(file);
      throw error;
    }
    close(file);
    data_ = static_cast<uint8_t *>(whole);
  }

  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  ~MappedFile() { munmap(data_, reserved_); }

  uint8_t *data() const { return data_; }
  size_t size() const { return size_; }

  /** Reads all of it from the disk and enters it into the page table, so that later nobody waits for that. */
  void preload() const
  {
    if (size_ == 0)
    {
      return;
    }
#ifdef MADV_POPULATE_READ
    if (madvise(data_, size_, MADV_POPULATE_READ) == 0)
    {
      return;
    }
#endif
    madvise(data_, size_, MADV_WILLNEED); // for kernels before 5.14
  }

private:
  static std::runtime_error problem(const std::string &path, const char *what)
  {
    return std::runtime_error(path + " " + what + ": " + std::strerror(errno));
  }

  uint8_t *data_ = nullptr;
  size_t size_ = 0;
  size_t reserved_ = 0;
};

} // namespace facet
