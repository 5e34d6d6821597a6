#pragma once

#include <stdexcept>

namespace facet {

/** The largest dimension of vectors. A file with a larger one is damaged. */
constexpr int dimMax = 1 << 16;

inline void expect(bool holds, const char *problem)
{
  if (!holds)
  {
    throw std::runtime_error(problem);
  }
}

} // namespace facet
