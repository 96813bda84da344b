// The messages of the store's protocol.
#include "emu/host/store_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "emu/host/linux_sockets.h"

namespace ringside {

namespace {

constexpr const char* cannot_ask = "cannot ask xenstored";
constexpr int patience_s = 10;
/// How often a transaction is tried. Another client makes one fail only by completing its own.
constexpr int transactions_max = 100;

struct MessageHeader {
  std::uint32_t type;
  std::uint32_t request;
  std::uint32_t transaction;
  std::uint32_t bytes;
};
static_assert(sizeof(MessageHeader) == 16);
constexpr std::size_t data_bytes_max = 4096;

enum MessageType : std::uint32_t {
  message_directory = 1,
  message_read = 2,
  message_transaction_start = 6,
  message_transaction_end = 7,
  message_introduce = 8,
  message_write = 11,
  message_remove = 13,
  message_error = 16,
};

/// The daemon names errors by the names of errno values.
constexpr std::array<std::pair<std::string_view, int>, 7> error_names{{{"EINVAL", EINVAL},
                                                                       {"EACCES", EACCES},
                                                                       {"ENOENT", ENOENT},
                                                                       {"ENOSPC", ENOSPC},
                                                                       {"E2BIG", E2BIG},
                                                                       {"EIO", EIO},
                                                                       {"EAGAIN", EAGAIN}}};

int code_of(std::string_view name) {
  for (const auto& [known, code] : error_names) {
    if (name == known) return code;
  }
  return EIO;
}

/// Returns whether all bytes were read before the timeout.
bool read_all(int from, void* into, std::size_t bytes) {
  return bytes == 0 || recv(from, into, bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
}

/// Up to the first zero byte.
std::string first_text(const std::string& texts) {
  return texts.substr(0, texts.find('\0'));
}

}  // namespace

Result<StoreClient> StoreClient::connect(const std::string& socket) {
  auto connection = connect_to_path(socket, SOCK_STREAM);
  // xenstored lets only one or two callers wait to be accepted.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  while (!connection && connection.error().code == EAGAIN && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    connection = connect_to_path(socket, SOCK_STREAM);
  }
  if (!connection) return connection.error();
  const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
  const int blocking = fcntl(connection->get(), F_GETFL) & ~O_NONBLOCK;
  if (fcntl(connection->get(), F_SETFL, blocking) != 0 ||
      setsockopt(connection->get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return system_error(cannot_ask, socket);
  return StoreClient(std::move(*connection));
}

Result<std::string> StoreClient::request(std::uint32_t type, const std::string& data) {
  const Error failed{EIO, cannot_ask, first_text(data), "it does not answer",
                     "its log is in the machine's directory"};
  MessageHeader header{.type = type, .request = 0, .transaction = transaction_, .bytes = 0};
  header.bytes = static_cast<std::uint32_t>(data.size());
  std::string message(sizeof header, '\0');
  std::memcpy(message.data(), &header, sizeof header);
  message += data;
  if (send(connection_.get(), message.data(), message.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(message.size()))
    return failed;
  if (!read_all(connection_.get(), &header, sizeof header) || header.bytes > data_bytes_max) return failed;
  std::string answer(header.bytes, '\0');
  if (!read_all(connection_.get(), answer.data(), answer.size())) return failed;
  if (header.type != message_error) return answer;
  const std::string name = first_text(answer);
  return Error{code_of(name), "xenstored refused", first_text(data), name, ""};
}

Result<std::vector<std::string>> StoreClient::directory(const std::string& path) {
  auto answer = request(message_directory, path + '\0');
  if (!answer && answer.error().code == ENOENT) return std::vector<std::string>();
  if (!answer) return answer.error();
  std::vector<std::string> names;
  for (std::size_t at = 0; at < answer->size(); at += names.back().size() + 1)
    names.emplace_back(answer->c_str() + at);
  return names;
}

Result<std::string> StoreClient::read(const std::string& path) {
  auto answer = request(message_read, path + '\0');
  if (!answer && answer.error().code == ENOENT) return std::string();
  return answer;
}

Result<> StoreClient::write(const std::string& path, const std::string& value) {
  if (auto answer = request(message_write, path + '\0' + value); !answer) return answer.error();
  return Done{};
}

Result<> StoreClient::remove(const std::string& path) {
  auto answer = request(message_remove, path + '\0');
  if (!answer && answer.error().code != ENOENT) return answer.error();
  return Done{};
}

Result<> StoreClient::transaction(const std::function<Result<>()>& change) {
  RS_CHECK(transaction_ == 0);
  for (int tries = 1;; ++tries) {
    auto started = request(message_transaction_start, std::string(1, '\0'));
    if (!started) return started.error();
    transaction_ = static_cast<std::uint32_t>(std::strtoul(started->c_str(), nullptr, 10));
    const auto changed = change();
    auto ended = request(message_transaction_end, std::string(changed ? "T" : "F") + '\0');
    transaction_ = 0;
    if (!changed) return changed;
    if (ended) return Done{};
    if (ended.error().code != EAGAIN || tries == transactions_max) return ended.error();
  }
}

/// The number of the frame is not used: xenstored maps the granted one.
Result<> StoreClient::introduce(DomainId domain, ring::Port port) {
  std::string data;
  for (const std::uint32_t number : {domain, grant_xenstore, port}) data += std::to_string(number) + '\0';
  if (auto answer = request(message_introduce, data); !answer) return answer.error();
  return Done{};
}

}  // namespace ringside
