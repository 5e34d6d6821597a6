#pragma once

#include <napi.h>

namespace facet {

/** Work on a thread of libuv's pool, and the promise of what it makes. */
class Worker : public Napi::AsyncWorker
{
public:
  Worker(Napi::Env env, const char *name) : Napi::AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise start()
  {
    Queue();
    return deferred_.Promise();
  }

protected:
  // AsyncWorker hands what Execute throws to OnError.
  void OnOK() override { deferred_.Resolve(result()); }
  void OnError(const Napi::Error &error) override { deferred_.Reject(error.Value()); }

  virtual Napi::Value result() = 0;

private:
  Napi::Promise::Deferred deferred_;
};

} // namespace facet
