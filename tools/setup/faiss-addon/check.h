#pragma once

#include <stdexcept>

namespace facet {

/** A file with wider vectors is damaged. */
constexpr int dimMax = 1 << 16;

inline void expect(bool holds, const char *problem)
{
  if (!holds)
  {
    throw std::runtime_error(problem);
  }
}

} // namespace facet
