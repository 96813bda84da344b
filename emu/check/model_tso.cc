// Store buffers, and a copy of memory: the page has the values that the next access must find.
#include "emu/check/model_tso.h"

#include <algorithm>

namespace ringside::check {

void ModelTso::begin(std::uint32_t) {
  space().copy_to(memory_.data());
  for (Buffer& buffer : buffers_) {
    buffer.stores.clear();
    buffer.pool.clear();
    buffer.flushed = 0;
  }
}

/// A store touches no location before it is flushed, because other fibers cannot see it. A sequentially
/// consistent one is an xchg, which is not buffered.
void ModelTso::place(Op& op) const {
  if (op.kind != OpKind::store || op.is_barrier()) Model::place(op);
}

bool ModelTso::ready(std::uint32_t fiber, const Op& op) const {
  return !op.is_barrier() || buffers_[fiber].empty();
}

void ModelTso::before(std::uint32_t fiber, const Op& op, std::uint32_t, std::uint32_t) {
  if (!op.reads()) return;
  const std::uint32_t end = op.offset + op.size;
  for (std::uint32_t i = op.offset; i < end; ++i) *space().at(i) = memory_[i];
  const Buffer& buffer = buffers_[fiber];
  for (std::size_t i = buffer.flushed; i < buffer.stores.size(); ++i) {
    const Stored& stored = buffer.stores[i];
    const std::uint32_t from = std::max(stored.offset, op.offset);
    const std::uint32_t to = std::min(stored.offset + stored.size, end);
    for (std::uint32_t at = from; at < to; ++at)
      *space().at(at) = buffer.pool[stored.bytes_at + at - stored.offset];
  }
}

void ModelTso::after(std::uint32_t fiber, const Op& op, std::uint32_t) {
  if (op.kind == OpKind::update || (op.kind == OpKind::store && op.is_barrier())) {
    for (std::uint32_t i = op.offset; i < op.offset + op.size; ++i) memory_[i] = *space().at(i);
  } else if (op.kind == OpKind::store) {
    Buffer& buffer = buffers_[fiber];
    buffer.stores.push_back({op.offset, op.size, buffer.pool.size()});
    for (std::uint32_t i = op.offset; i < op.offset + op.size; ++i) buffer.pool.push_back(*space().at(i));
  }
}

Op ModelTso::flush_op(std::uint32_t fiber) const {
  const Buffer& buffer = buffers_[fiber];
  const Stored& stored = buffer.stores[buffer.flushed];
  Op op;
  op.kind = OpKind::flush;
  op.offset = stored.offset;
  op.size = stored.size;
  place(op);
  return op;
}

void ModelTso::flush(std::uint32_t fiber) {
  Buffer& buffer = buffers_[fiber];
  const Stored& stored = buffer.stores[buffer.flushed++];
  std::copy_n(buffer.pool.begin() + static_cast<std::ptrdiff_t>(stored.bytes_at), stored.size,
              memory_.begin() + stored.offset);
}

void ModelTso::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  std::copy_n(memory_.begin() + offset, bytes, to);
}

}  // namespace ringside::check
