#pragma once

#include <memory>
#include <string>
#include <vector>
#include <napi.h>
#include "arguments.h"
#include "graph-build.h"
#include "graph-search.h"
#include "graph.h"
#include "worker.h"

namespace facet {

/** A graph as JavaScript has it. What is under way holds a share of it. */
class GraphObject : public Napi::ObjectWrap<GraphObject>
{
public:
  using Share = std::shared_ptr<const Graph>;

  static Napi::Function define(Napi::Env env)
  {
    return DefineClass(env, "Graph",
                       {
                           StaticMethod("openAsync", &GraphObject::openAsync),
                           InstanceMethod("searchAsync", &GraphObject::searchAsync),
                           InstanceMethod("scanAsync", &GraphObject::scanAsync),
                           InstanceMethod("writeAsync", &GraphObject::writeAsync),
                           InstanceMethod("ntotal", &GraphObject::ntotal),
                           InstanceMethod("getDimension", &GraphObject::getDimension),
                           InstanceMethod("dispose", &GraphObject::dispose),
                       });
  }

  static Napi::FunctionReference &constructor(Napi::Env env);

  static Napi::Object wrap(Napi::Env env, Share graph)
  {
    return constructor(env).New({Napi::External<Share>::New(env, &graph)});
  }

  explicit GraphObject(const Napi::CallbackInfo &info) : Napi::ObjectWrap<GraphObject>(info)
  {
    if (!info[0].IsExternal()) // from wrap(); scripts cannot make one
    {
      throw Napi::TypeError::New(info.Env(), "A graph is opened, or taken from an index.");
    }
    graph_ = *info[0].As<Napi::External<Share>>().Data();
  }

private:
  class OpenWorker : public Worker
  {
  public:
    OpenWorker(Napi::Env env, const std::string &path, bool isMapped)
        : Worker(env, "graph.open"), path_(path), isMapped_(isMapped)
    {
    }

  protected:
    void Execute() override { graph_ = openGraph(path_, isMapped_); }
    Napi::Value result() override { return wrap(Env(), std::move(graph_)); }

  private:
    std::string path_;
    bool isMapped_;
    Share graph_;
  };

  class WriteWorker : public Worker
  {
  public:
    WriteWorker(Napi::Env env, Share graph, const std::string &path)
        : Worker(env, "graph.write"), graph_(graph), path_(path)
    {
    }

  protected:
    void Execute() override { writeGraph(*graph_, path_); }
    Napi::Value result() override { return Env().Undefined(); }

  private:
    Share graph_;
    std::string path_;
  };

  class SearchWorker : public Worker
  {
  public:
    SearchWorker(Napi::Env env, Share graph, const Rows &queries, int32_t k)
        : Worker(env, "graph.search"), graph_(graph), queries_(queries.data, queries.data + queries.length),
          count_(queries.n), k_(k)
    {
    }

    int32_t breadth = 0;
    std::vector<uint8_t> allowed;
    bool isFiltered = false;

  protected:
    void Execute() override
    {
      found_ = Found(count_ * k_); // here, where want of memory is an error
      static const uint8_t none = 0;
      const Bitmap bitmap{isFiltered ? (allowed.empty() ? &none : allowed.data()) : nullptr, allowed.size()};
      searchGraph(*graph_, queries_.data(), count_, k_, std::max(k_, breadth), bitmap, found_.distances.data(),
                  found_.labels.data());
    }

    Napi::Value result() override { return found_.toObject(Env()); }

  private:
    Share graph_;
    std::vector<float> queries_;
    size_t count_;
    int32_t k_;
    Found found_;
  };

  class ScanWorker : public Worker
  {
  public:
    ScanWorker(Napi::Env env, Share graph, const Rows &queries, int32_t k, std::vector<int32_t> labels)
        : Worker(env, "graph.scan"), graph_(graph), queries_(queries.data, queries.data + queries.length),
          count_(queries.n), k_(k), labels_(std::move(labels))
    {
    }

  protected:
    void Execute() override
    {
      found_ = Found(count_ * k_);
      checkLabels(labels_, graph_->header.count);
      const auto rows = rowsInOrder(*graph_, labels_);
      const auto rowAt = [&rows](size_t i) { return rows[i]; };
      scanRows(*graph_, padded(*graph_, queries_.data(), count_).data(), count_, k_, rows.size(), rowAt,
               found_.distances.data(), found_.labels.data());
    }

    Napi::Value result() override { return found_.toObject(Env()); }

  private:
    Share graph_;
    std::vector<float> queries_;
    size_t count_;
    int32_t k_;
    std::vector<int32_t> labels_;
    Found found_;
  };

  static Napi::Value openAsync(const Napi::CallbackInfo &info)
  {
    return (new OpenWorker(info.Env(), pathArgument(info), mapOption(info)))->start();
  }

  Napi::Value searchAsync(const Napi::CallbackInfo &info)
  {
    Napi::Env env = info.Env();
    auto graph = live(env);
    const Rows queries(env, info[0], graph->header.dim);
    const int32_t k = countArgument(env, info[1]);
    if (k > graph->header.count)
    {
      throw Napi::Error::New(env, "Expected at most as many results as there are vectors (ntotal: " +
                                      std::to_string(graph->header.count) + ").");
    }
    int32_t breadth = 64;
    size_t allowedBytes = 0;
    const uint8_t *allowed = nullptr;
    if (info[2].IsObject())
    {
      auto parameters = info[2].As<Napi::Object>();
      breadth = positiveParameter(env, parameters, "efSearch");
      allowed = bitmapParameter(env, parameters, allowedBytes);
    }
    auto worker = new SearchWorker(env, graph, queries, k);
    worker->breadth = std::min<int64_t>(std::max(breadth, 1), graph->header.count);
    worker->isFiltered = allowed != nullptr;
    worker->allowed.assign(allowed, allowed + allowedBytes);
    return worker->start();
  }

  Napi::Value scanAsync(const Napi::CallbackInfo &info)
  {
    Napi::Env env = info.Env();
    auto graph = live(env);
    const Rows queries(env, info[0], graph->header.dim);
    const int32_t k = countArgument(env, info[1]);
    return (new ScanWorker(env, graph, queries, k, labelsArgument(env, info[2])))->start();
  }

  Napi::Value writeAsync(const Napi::CallbackInfo &info)
  {
    return (new WriteWorker(info.Env(), live(info.Env()), pathArgument(info)))->start();
  }

  Napi::Value ntotal(const Napi::CallbackInfo &info)
  {
    return Napi::Number::New(info.Env(), live(info.Env())->header.count);
  }

  Napi::Value getDimension(const Napi::CallbackInfo &info)
  {
    return Napi::Number::New(info.Env(), live(info.Env())->header.dim);
  }

  Napi::Value dispose(const Napi::CallbackInfo &info)
  {
    graph_.reset();
    return info.Env().Undefined();
  }

  Share live(Napi::Env env) const
  {
    if (!graph_)
    {
      throw Napi::Error::New(env, "The graph has been disposed of.");
    }
    return graph_;
  }

  Share graph_;
};

/** Takes a graph that Faiss has built, whose index is given up with that. */
class TakeGraphWorker : public Worker
{
public:
  TakeGraphWorker(Napi::Env env, std::shared_ptr<faiss::Index> index, size_t dim, const TakeOptions &options)
      : Worker(env, "graph.take"), index_(std::move(index)), dim_(dim), options_(options)
  {
  }

protected:
  void Execute() override
  {
    auto hnsw = dynamic_cast<faiss::IndexHNSW *>(index_.get());
    expect(hnsw, "Only an HNSW index has a graph.");
    graph_ = takeGraph(*hnsw, dim_, options_);
    index_.reset();
  }

  Napi::Value result() override { return GraphObject::wrap(Env(), std::move(graph_)); }

private:
  std::shared_ptr<faiss::Index> index_;
  size_t dim_;
  TakeOptions options_;
  GraphObject::Share graph_;
};

} // namespace facet
