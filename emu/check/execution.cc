// Executes step by step: which actors can continue, which one the driver picks, and the effect under the
// model.
#include "emu/check/execution.h"

#include <cstdlib>
#include <utility>

#include "emu/base/check.h"
#include "emu/check/state.h"

namespace ringside::check {

namespace {

/// A fiber that makes more loads in a row waits in an endless loop.
constexpr std::uint32_t looks_endless = 10'000;

}  // namespace

Execution::Execution(Space& space, Model& model, Program& program)
    : space_(&space), model_(&model), program_(&program), fiber_count_(program.fiber_count()) {
  RS_CHECK(fiber_count_ > 0 && fiber_count_ <= fibers_max);
  spins_ = program.spins();
}

void Execution::wait_at(std::vector<const void*> loads) {
  waits_at_ = std::move(loads);
  spins_ = program_->spins() || !waits_at_.empty();
}

void Execution::enter(void* execution, std::uint32_t fiber) {
  auto* self = static_cast<Execution*>(execution);
  self->program_->run(fiber);
  self->announce_store_in_pieces();
  self->finish_access(fiber);
  if (self->spins_) self->waiting_.ended(fiber);
  self->finished_ |= bit(fiber);
  if (self->starting_) self->fibers_.switch_to_main();
  self->schedule();
}

End Execution::run(Driver& driver, Observer* observer) {
  driver_ = &driver;
  observer_ = observer;
  failure_.clear();
  is_refused_ = false;
  end_ = End::complete;
  enabled_ = 0;
  finished_ = 0;
  steps_ = 0;
  numbers_ = {};
  in_access_ = {};
  for (InPieces& each : in_pieces_) each.is_pending = false;
  raised_ = {};
  attaching_ = {};
  announced_ = {};
  has_failed_spuriously_ = {};
  looks_ = {};
  changes_ = 0;
  own_changes_ = {};
  changes_seen_ = {};
  so_far_.clear();
  operation_counts_ = {};
  for (auto& ends : operation_ends_) ends.clear();
  program_->reset();
  model_->begin(fiber_count_);
  waiting_.begin(*space_, spins_ && waits_exactly_);
  kept_ = program_->state_to_keep();
  if (kept_ != nullptr) ledger_.begin(*space_);
  running_ = this;
  starting_ = true;
  for (std::uint32_t fiber = 0; fiber < fiber_count_ && end_ == End::complete; ++fiber) {
    fibers_.prepare(fiber, &Execution::enter, this);
    fibers_.switch_to(fiber);
  }
  starting_ = false;
  if (end_ == End::complete) schedule();
  running_ = nullptr;
  // An unannounced store can also cause a failure, so the memory is compared before any verdict.
  if (kept_ != nullptr && end_ != End::abandoned && ledger_.changed() == nullptr &&
      !ledger_.is_all_as_left(*space_, *kept_))
    leave_for_change();
  if (end_ == End::complete) judge();
  return end_;
}

/// All fibers have ended.
void Execution::judge() {
  if (program_->judges_memory()) {
    std::vector<std::byte> newest(space_->bytes());
    model_->peek(0, space_->bytes(), newest.data());
    for (std::uint32_t i = 0; i < space_->bytes(); ++i) *space_->at(i) = newest[i];
  }
  failure_ = program_->judge();
  if (!failure_.empty()) end_ = End::failed;
}

std::uint32_t Execution::announce(const Op& op) {
  const CheckerCode checker;
  if (in_pieces_[fibers_.current()].is_pending) announce_store_in_pieces();
  if (looks_again(op)) {
    Op wait;
    wait.kind = OpKind::await;
    wait.code = op.code;
    announce_one(wait);
  }
  if (!space_->is_in_pieces(op)) return announce_one(op);
  if (op.kind == OpKind::load) {
    announce_load_in_pieces(op);
    return 0;
  }
  const std::uint32_t self = fibers_.current();
  finish_access(self);
  in_pieces_[self].op = op;
  in_pieces_[self].is_pending = true;
  keep(op, in_pieces_[self].bytes);
  return 0;
}

/// `op` is announced next. True: it is a load that waits, and the fiber has only loaded since it last made
/// this load.
bool Execution::looks_again(const Op& op) {
  Looks& looks = looks_[fibers_.current()];
  const bool only_looks = op.kind == OpKind::load || op.kind == OpKind::update || op.kind == OpKind::fence ||
                          (op.kind == OpKind::choose && op.is_spurious);
  if (!only_looks) {
    looks.clear();
    return false;
  }
  ++looks.count;
  if (!op.reads()) return false;
  looks.last = op.code;
  if (waits_at_.empty() || std::find(waits_at_.begin(), waits_at_.end(), op.code) == waits_at_.end())
    return false;
  // A function that is not inlined loads several places with one instruction.
  auto* const end = looks.waiting.begin() + looks.waiting_count;
  const std::pair<const void*, std::uint32_t> look{op.code, op.offset};
  if (std::find(looks.waiting.begin(), end, look) != end) return true;
  if (end != looks.waiting.end()) looks.waiting[looks.waiting_count++] = look;
  return false;
}

/// The execution has no end. Finds a fiber that only loads.
void Execution::find_wait() {
  for (std::uint32_t fiber = 0; fiber < fiber_count_; ++fiber) {
    const Looks& looks = looks_[fiber];
    if ((finished_ & bit(fiber)) != 0 || looks.count < looks_endless) continue;
    if (std::find(waits_at_.begin(), waits_at_.end(), looks.last) == waits_at_.end())
      found_wait_ = looks.last;
  }
}

/// Copies the bytes of the space that `op` accesses.
void Execution::keep(const Op& op, std::vector<std::byte>& to) const {
  to.resize(op.size);
  for (std::uint32_t i = 0; i < op.size; ++i) to[i] = *space_->at(op.offset + i);
}

void Execution::put(const Op& op, const std::vector<std::byte>& from) const {
  for (std::uint32_t i = 0; i < op.size; ++i) *space_->at(op.offset + i) = from[i];
}

/// Puts the values of the pieces into the space until the access is over.
void Execution::announce_load_in_pieces(const Op& op) {
  InPieces& whole = in_pieces_[fibers_.current()];
  whole.found.resize(op.size);
  Op piece = op;
  for (std::uint32_t at = op.offset; at < op.offset + op.size; at += piece.size) {
    piece.offset = at;
    piece.size = space_->piece_at(op, at);
    announce_one(piece);
    for (std::uint32_t i = 0; i < piece.size; ++i) whole.found[at - op.offset + i] = *space_->at(at + i);
  }
  keep(op, whole.bytes);
  put(op, whole.found);
  whole.op = op;
  whole.is_pending = true;
}

/// The running fiber has made its store: this undoes it, and makes it piece by piece.
void Execution::announce_store_in_pieces() {
  InPieces& whole = in_pieces_[fibers_.current()];
  if (!whole.is_pending || whole.op.kind != OpKind::store) return;
  whole.is_pending = false;
  keep(whole.op, whole.found);
  put(whole.op, whole.bytes);
  Op piece = whole.op;
  for (std::uint32_t at = whole.op.offset; at < whole.op.offset + whole.op.size; at += piece.size) {
    piece.offset = at;
    piece.size = space_->piece_at(whole.op, at);
    announce_one(piece);
    for (std::uint32_t i = 0; i < piece.size; ++i)
      *space_->at(at + i) = whole.found[at - whole.op.offset + i];
  }
}

std::uint32_t Execution::announce_one(const Op& op) {
  const std::uint32_t self = fibers_.current();
  finish_access(self);
  const bool is_access = op.reads() || op.writes();
  if (is_access && op.why == nullptr) ++accesses_;
  if (model_->ignores(op)) return 0;
  Op& next = next_[self];
  next = op;
  model_->place(next);
  if (is_access && !model_->divide(next))
    refuse(fmt::format("its shared words are accessed in more than {} parts", words_max));
  if (spins_) waiting_.announced(self, next);
  if (op.kind == OpKind::await) {
    waiting_.prepare(self, next);
    next.sees_newest = model_->await_sees_newest();
    if (next.watched_count == 0) {
      next.also = space_->change_location();
      next.also_writes = true;
    }
  } else {
    next.changes = spins_ && next.writes() && next.last > next.first;
  }
  if (starting_) {
    fibers_.switch_to_main();
  } else {
    schedule();
  }
  own_variables().use(self);
  return option_[self];
}

bool Execution::fails_spuriously(const void* code) {
  const std::uint32_t self = fibers_.current();
  if (!model_->has_spurious_failures() || has_failed_spuriously_[self]) return false;
  Op op;
  op.kind = OpKind::choose;
  op.argument = 2;
  op.deviates = true;
  op.is_spurious = true;
  op.code = code;
  has_failed_spuriously_[self] = announce(op) == 1;
  return has_failed_spuriously_[self];
}

bool Execution::chooses_deviation(const char* why) {
  Op op;
  op.kind = OpKind::choose;
  op.argument = 2;
  op.deviates = true;
  op.why = why;
  return announce(op) == 1;
}

void Execution::note_outside_access(const void* address, std::size_t size, bool writes, bool is_atomic) {
  const std::uint32_t self = fibers_.current();
  ++accesses_elsewhere_;
  if (shared_memory_ == nullptr || attaching_[self]) return;
  noted(address) = {address, static_cast<std::uint32_t>(size), self, writes, is_atomic};
  if (space_->touches_region(address, size)) return shared_memory_->touched_shared(address, size, is_atomic);
  const std::uint32_t owner = Fibers::owner_of(address);
  if (owner == self) return;
  // The fiber that owns the stack has also written there.
  if (owner != fibers_max) return shared_memory_->touched_shared(address, size, is_atomic);
  shared_memory_->touched(self, address, size, writes, is_atomic);
}

/// `fiber` has finished the access that was permitted.
void Execution::finish_access(std::uint32_t fiber) {
  InPieces& whole = in_pieces_[fiber];
  if (whole.is_pending && whole.op.kind == OpKind::load) {
    whole.is_pending = false;
    put(whole.op, whole.bytes);
  }
  if (!in_access_[fiber]) return;
  in_access_[fiber] = false;
  model_->after(fiber, next_[fiber], numbers_[fiber]);
  if (kept_ != nullptr) ledger_.left(*space_, next_[fiber]);
  told(fiber);
}

void Execution::told(std::uint32_t actor) {
  if (observer_ == nullptr) return;
  const bool flushes = actor >= fibers_max;
  observer_->happened(*this, actor, next_[actor], flushes ? 0 : option_[actor],
                      flushes ? 1 : options_[actor]);
}

bool Execution::can_go_on(std::uint32_t fiber) const {
  const Op& op = next_[fiber];
  if (op.kind == OpKind::wait && !raised_[op.argument]) return false;
  if (op.kind == OpKind::await &&
      (op.watched_count == 0 ? !has_any_change(fiber) : waiting_.changes(fiber, op) == 0))
    return false;
  return model_->ready(fiber, op);
}

void Execution::find_enabled() {
  enabled_ = 0;
  for (std::uint32_t fiber = 0; fiber < fiber_count_; ++fiber) {
    if ((finished_ & bit(fiber)) == 0 && can_go_on(fiber)) enabled_ |= bit(fiber);
    if (model_->has_flush(fiber)) {
      enabled_ |= bit(fiber + fibers_max);
      next_[fiber + fibers_max] = model_->flush_op(fiber);
      next_[fiber + fibers_max].changes = spins_;
    }
  }
  if (enabled_ != 0 || !spins_) return;
  // Nothing else can happen. Before this counts as a deadlock, each loop makes one more round, which shows
  // that it does the same.
  for (std::uint32_t fiber = 0; fiber < fiber_count_; ++fiber) {
    if ((finished_ & bit(fiber)) == 0 && next_[fiber].kind == OpKind::await && has_any_change(fiber))
      enabled_ |= bit(fiber);
  }
}

/// Makes steps until the calling fiber is picked. On the main stack: until the execution is over.
void Execution::schedule() {
  for (;;) {
    find_enabled();
    if (enabled_ == 0) return leave(all_rest() ? End::complete : End::deadlock);
    if (++steps_ > steps_max || model_->is_full()) {
      find_wait();
      return leave(End::endless);
    }
    const Decision decision = driver_->pick(*this);
    if (decision.actor == Decision::stop) return leave(End::abandoned);
    so_far_.push_back(decision);
    ++steps_in_all_;
    if (decision.actor >= fibers_max) {
      flush(decision.actor);
      continue;
    }
    if (kept_ != nullptr && !ledger_.is_as_left(*space_, next_[decision.actor])) return leave_for_change();
    perform(decision.actor, decision.option);
    if (model_->race() != nullptr) {
      // Shown as a step, so that a report can name it.
      finish_access(decision.actor);
      return leave(End::race);
    }
    return fibers_.switch_to(decision.actor);
  }
}

/// True if each fiber has ended or may sleep forever.
bool Execution::all_rest() const {
  for (std::uint32_t fiber = 0; fiber < fiber_count_; ++fiber) {
    if ((finished_ & bit(fiber)) == 0 && !program_->may_sleep(fiber)) return false;
  }
  return true;
}

void Execution::flush(std::uint32_t actor) {
  count(actor);
  waiting_.happens(steps_ - 1, actor, next_[actor], 0);
  model_->flush(actor - fibers_max);
  told(actor);
}

void Execution::count(std::uint32_t actor) {
  ++numbers_[actor];
  if (!next_[actor].changes) return;
  ++changes_;
  ++own_changes_[actor % fibers_max];
}

void Execution::perform(std::uint32_t actor, std::uint32_t option) {
  Op& op = next_[actor];
  count(actor);
  if (op.kind == OpKind::notify) raised_[op.argument] = true;
  if (op.kind == OpKind::wait) raised_[op.argument] = false;
  if (op.kind == OpKind::await) changes_seen_[actor] = changes_ - own_changes_[actor];
  option_[actor] = option;
  options_[actor] = observer_ == nullptr ? 1 : model_->options(actor, op, nullptr);
  in_access_[actor] = true;
  model_->before(actor, op, option, numbers_[actor]);
  if (spins_) waiting_.happens(steps_ - 1, actor, op, option);
  if (kept_ != nullptr) ledger_.left(*space_, op);
}

void Execution::fail(std::string text) {
  InPieces& whole = in_pieces_[fibers_.current()];
  // A store in pieces that is not announced yet has not happened: restores the memory.
  if (whole.is_pending && whole.op.kind == OpKind::store) put(whole.op, whole.bytes);
  finish_access(fibers_.current());
  failure_ = std::move(text);
  leave(End::failed);
  std::abort();
}

void Execution::refuse(std::string text) {
  is_refused_ = true;
  fail(std::move(text));
}

void Execution::leave_for_change() {
  is_refused_ = true;
  failure_ = "memory changes by a store that the compiler has not announced";
  leave(End::failed);
}

/// Ends the execution. A fiber that calls this never continues.
void Execution::leave(End how) {
  end_ = how;
  if (fibers_.in_fiber()) fibers_.switch_to_main();
}

}  // namespace ringside::check
