// The C interface that src/foreign.rs calls. No header of SentencePiece is on the include path, so
// this file declares the few names that it needs, to the binary interface of version 0.2.1 as
// sentencepiece-sys 0.14.0 builds it: absl::string_view is std::string_view there, and a status
// holds one pointer, null when all is well. Another version needs these declarations checked.
//
// No exception leaves this file; no pointer that it hands out outlives the call, except the
// processor's own.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sentencepiece {
namespace util {
enum class StatusCode : int { kAborted = 10 };

class Status {
 public:
  Status();
  ~Status();
  Status(const Status&);
  Status(StatusCode, std::string_view);
  bool ok() const { return representation_ == nullptr; }
  std::string ToString() const;

 private:
  void* representation_;
};
}  // namespace util

// Virtual functions in the library's order: the trainer calls them through the table.
class SentenceIterator {
 public:
  virtual ~SentenceIterator() {}
  virtual bool done() const = 0;
  virtual void Next() = 0;
  virtual const std::string& value() const = 0;
  virtual util::Status status() const = 0;
};

class SentencePieceTrainer {
 public:
  static util::Status Train(std::string_view arguments, SentenceIterator*, std::string* model);
};

// Called directly, never through the virtual table, so only the names must match. The real object
// (a table, four owning pointers, two vectors) takes 88 bytes; the storage leaves room.
class SentencePieceProcessor {
 public:
  SentencePieceProcessor();
  ~SentencePieceProcessor();
  util::Status LoadFromSerializedProto(std::string_view);
  util::Status Encode(std::string_view, std::vector<int>*) const;
  util::Status SampleEncode(std::string_view, int, float, std::vector<int>*) const;
  util::Status Decode(const std::vector<int>&, std::string*) const;
  // The message `SentencePieceText` of sentencepiece.proto; empty when the library failed.
  std::string EncodeAsSerializedProto(std::string_view) const;
  int GetPieceSize() const;

 private:
  alignas(std::max_align_t) unsigned char storage_[256];
};

namespace random {
// The calling thread's generator.
std::mt19937* GetRandomGenerator();
}  // namespace random

void SetMinLogLevel(int);
}  // namespace sentencepiece

namespace {

using sentencepiece::SentencePieceProcessor;
using sentencepiece::util::Status;

// Above LOG_ERROR: the library never writes to the standard error stream.
constexpr int kSilent = 3;

void silence() {
  static std::once_flag once;
  std::call_once(once, [] { sentencepiece::SetMinLogLevel(kSilent); });
}

}  // namespace

extern "C" {

// Takes `length` elements at `data`, which are valid during the call only.
struct ByteSink {
  void (*take)(void* user, const char* data, size_t length);
  void* user;
};

struct IdSink {
  void (*take)(void* user, const int* data, size_t length);
  void* user;
};

// `next` returns 1 with a sentence that is valid until the following call, 0 at the end, and -1
// when the source failed.
struct SentenceSource {
  int (*next)(void* user, const char** data, size_t* length);
  void* user;
};
}

namespace {

void put(ByteSink sink, const std::string& text) { sink.take(sink.user, text.data(), text.size()); }

class SourceIterator : public sentencepiece::SentenceIterator {
 public:
  explicit SourceIterator(SentenceSource source) : source_(source) { Next(); }
  bool done() const override { return state_ != 1; }
  const std::string& value() const override { return value_; }

  void Next() override {
    const char* data = nullptr;
    size_t length = 0;
    state_ = source_.next(source_.user, &data, &length);
    if (state_ == 1) value_.assign(data, length);
  }

  Status status() const override {
    if (state_ >= 0) return Status();
    return Status(sentencepiece::util::StatusCode::kAborted, "the source of sentences failed");
  }

 private:
  SentenceSource source_;
  std::string value_;
  int state_ = 0;
};

// Runs `work`, which gives a status; returns 0, or 1 with the message in `error`.
template <typename Work>
int guarded(ByteSink error, Work work) {
  try {
    silence();
    const Status status = work();
    if (status.ok()) return 0;
    put(error, status.ToString());
  } catch (const std::exception& failure) {
    error.take(error.user, failure.what(), std::char_traits<char>::length(failure.what()));
  } catch (...) {
    put(error, "unknown C++ exception");
  }
  return 1;
}

const SentencePieceProcessor& processor(const void* handle) {
  return *static_cast<const SentencePieceProcessor*>(handle);
}

}  // namespace

extern "C" {

int glossa_spm_train(const char* arguments, size_t length, SentenceSource source, ByteSink model, ByteSink error) {
  return guarded(error, [&] {
    const std::string terminated(arguments, length);
    SourceIterator iterator(source);
    std::string bytes;
    const Status status = sentencepiece::SentencePieceTrainer::Train(terminated, &iterator, &bytes);
    if (status.ok()) put(model, bytes);
    return status;
  });
}

// Null with a message in `error` when the bytes are not a model.
void* glossa_spm_open(const char* bytes, size_t length, ByteSink error) {
  SentencePieceProcessor* opened = nullptr;
  const int failed = guarded(error, [&] {
    opened = new SentencePieceProcessor();
    return opened->LoadFromSerializedProto(std::string_view(bytes, length));
  });
  if (failed == 0) return opened;
  delete opened;
  return nullptr;
}

void glossa_spm_close(void* handle) { delete static_cast<SentencePieceProcessor*>(handle); }

int glossa_spm_size(const void* handle) { return processor(handle).GetPieceSize(); }

int glossa_spm_encode(const void* handle, const char* text, size_t length, IdSink ids, ByteSink error) {
  return guarded(error, [&] {
    std::vector<int> found;
    const Status status = processor(handle).Encode(std::string_view(text, length), &found);
    if (status.ok()) ids.take(ids.user, found.data(), found.size());
    return status;
  });
}

// Pieces with their places, as a serialized `SentencePieceText`; nothing when the library failed.
int glossa_spm_encode_places(const void* handle, const char* text, size_t length, ByteSink message, ByteSink error) {
  return guarded(error, [&] {
    put(message, processor(handle).EncodeAsSerializedProto(std::string_view(text, length)));
    return Status();
  });
}

int glossa_spm_sample(const void* handle, const char* text, size_t length, int best, float alpha, uint64_t seed,
                      IdSink ids, ByteSink error) {
  return guarded(error, [&] {
    // Two words of the seed, mixed by the standard's own algorithm: the same on every thread.
    std::seed_seq words{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
    sentencepiece::random::GetRandomGenerator()->seed(words);
    std::vector<int> found;
    const Status status = processor(handle).SampleEncode(std::string_view(text, length), best, alpha, &found);
    if (status.ok()) ids.take(ids.user, found.data(), found.size());
    return status;
  });
}

int glossa_spm_decode(const void* handle, const int* ids, size_t length, ByteSink text, ByteSink error) {
  return guarded(error, [&] {
    std::string decoded;
    const Status status = processor(handle).Decode(std::vector<int>(ids, ids + length), &decoded);
    if (status.ok()) put(text, decoded);
    return status;
  });
}
}
