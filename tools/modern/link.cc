// One connection, and the error for calls that ringside does not have.
#include "tools/modern/link.h"

#include <cstdio>
#include <set>
#include <string>

namespace ringside::modern {

Result<std::unique_ptr<Link>> Link::open() {
  auto connection = connect_to_hypervisor(Machine(Machine::default_directory()));
  if (!connection) return connection.error();
  return std::unique_ptr<Link>(new Link(std::move(*connection)));
}

Result<HypercallReply> Link::call(const HypercallArguments& arguments) {
  const std::lock_guard held(lock_);
  auto reply = hypercalls_.call(connection_.get(), arguments, -1, hypercall_patience);
  if (reply && reply->answer.result < 0) return error_of(-reply->answer.result);
  return reply;
}

Error error_of(int code) {
  return {code, "", "", "", ""};
}

Error not_here(const char* call) {
  static std::mutex lock;
  // Never destroyed: a program may make calls while it exits.
  static auto& said = *new std::set<std::string>;
  const std::lock_guard held(lock);
  if (said.insert(call).second)
    std::fprintf(stderr, "ringside: %s: ringside does not have this call, the program gets ENOSYS\n", call);
  return error_of(ENOSYS);
}

}  // namespace ringside::modern
