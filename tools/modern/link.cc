// One connection, and the error for calls that ringside does not have.
#include "tools/modern/link.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

namespace ringside::modern {

Result<std::unique_ptr<Link>> Link::open() {
  auto connection = connect_to_hypervisor(Machine(Machine::default_directory()));
  if (!connection) return connection.error();
  const char* domain = std::getenv(as_domain_variable);
  std::unique_ptr<Link> link(new Link(std::move(*connection), domain == nullptr));
  if (link->is_dom0()) return link;
  const std::string_view text = domain;
  DomainId number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return error_of(EINVAL);
  auto reply = link->call({.op = HypercallOp::domain_connection, .domain = number, .alone = 1});
  if (!reply) return reply.error();
  if (reply->descriptors.size() != 1) return error_of(EPROTO);
  link->connection_ = std::move(reply->descriptors[0]);
  return link;
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
