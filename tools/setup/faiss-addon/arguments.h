#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <napi.h>

namespace facet {

/** Rows of a Float32Array, used where they are. */
struct Rows
{
  const float *data;
  size_t length;
  int64_t n;

  Rows(Napi::Env env, Napi::Value value, int d)
  {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    {
      throw Napi::TypeError::New(env, "Invalid the first argument type, must be a Float32Array.");
    }
    auto array = value.As<Napi::Float32Array>();
    data = array.Data();
    length = array.ElementLength();
    n = length / d;
    if (length % d != 0)
    {
      throw Napi::Error::New(env, "Invalid the given array length: " + std::to_string(length) +
                                      " is not a multiple of the dimension " + std::to_string(d) + ".");
    }
    for (size_t i = 0; i < length; i++)
    {
      if (!std::isfinite(data[i]))
      {
        throw Napi::Error::New(env, "Expected finite numbers, but vector " + std::to_string(i / d) + " holds " +
                                        std::to_string(data[i]) + " at " + std::to_string(i % d) + ".");
      }
    }
  }
};

/** Whole and from 1 to 2^31 - 1; else 0. */
inline int32_t positiveOrZero(Napi::Value value)
{
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  return number >= 1 && number <= INT32_MAX && number == std::floor(number) ? static_cast<int32_t>(number) : 0;
}

/** How many results are wanted. */
inline int32_t countArgument(Napi::Env env, Napi::Value value)
{
  const int32_t count = positiveOrZero(value);
  if (count == 0)
  {
    throw Napi::TypeError::New(env, "Expected a number of results, a whole number of at least 1.");
  }
  return count;
}

/** A parameter of a search: 0 when it is not given. */
inline int32_t positiveParameter(Napi::Env env, Napi::Object parameters, const char *name)
{
  Napi::Value value = parameters.Get(name);
  const int32_t number = positiveOrZero(value);
  if (number == 0 && !value.IsUndefined())
  {
    throw Napi::TypeError::New(env, std::string("Invalid the parameter ") + name + ", must be a whole number of at least 1.");
  }
  return number;
}

inline std::vector<int32_t> labelsArgument(Napi::Env env, Napi::Value value)
{
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
  {
    throw Napi::TypeError::New(env, "Invalid the third argument type, must be an Int32Array.");
  }
  auto labels = value.As<Napi::Int32Array>();
  return std::vector<int32_t>(labels.Data(), labels.Data() + labels.ElementLength());
}

inline std::string pathArgument(const Napi::CallbackInfo &info)
{
  if (!info[0].IsString())
  {
    throw Napi::TypeError::New(info.Env(), "Invalid the first argument type, must be a string.");
  }
  return info[0].As<Napi::String>().Utf8Value();
}

/** Whether the second argument is an object whose `map` is true. */
inline bool mapOption(const Napi::CallbackInfo &info)
{
  return info[1].IsObject() && info[1].As<Napi::Object>().Get("map").ToBoolean();
}

/** The bitmap of allowed labels in the parameters of a search; null when there is none, and then all are allowed. */
inline const uint8_t *bitmapParameter(Napi::Env env, Napi::Object parameters, size_t &bytes)
{
  Napi::Value allowed = parameters.Get("allowed");
  if (allowed.IsUndefined())
  {
    return nullptr;
  }
  if (!allowed.IsTypedArray() || allowed.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
  {
    throw Napi::TypeError::New(env, "Invalid the parameter allowed, must be a Uint8Array.");
  }
  static const uint8_t none = 0;
  auto bitmap = allowed.As<Napi::Uint8Array>();
  bytes = bitmap.ByteLength();
  return bytes > 0 ? bitmap.Data() : &none;
}

/** Row q of both, k values from q * k, answers query q. */
struct Found
{
  std::vector<float> distances;
  std::vector<int32_t> labels;

  Found() = default;
  explicit Found(size_t size) : distances(size), labels(size) {}

  Napi::Object toObject(Napi::Env env) const
  {
    auto arr_distances = Napi::Float32Array::New(env, distances.size());
    auto arr_labels = Napi::Int32Array::New(env, labels.size());
    std::copy(distances.begin(), distances.end(), arr_distances.Data());
    std::copy(labels.begin(), labels.end(), arr_labels.Data());

    Napi::Object results = Napi::Object::New(env);
    results.Set("distances", arr_distances);
    results.Set("labels", arr_labels);
    return results;
  }
};

} // namespace facet
