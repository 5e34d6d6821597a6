#pragma once

#include <stdexcept>

namespace facet {

inline void expect(bool holds, const char *problem)
{
  if (!holds)
  {
    throw std::runtime_error(problem);
  }
}

} // namespace facet
