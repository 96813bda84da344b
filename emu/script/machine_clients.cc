// Raw clients of xcs: their connections, frames and parts of frames.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "emu/dom0/xcs/client.h"
#include "emu/dom0/xcs/xcs_frames.h"
#include "emu/script/machine_stage.h"

namespace ringside::script {

Result<> MachineStage::client_opens(const std::string& name, Lane lane) {
  auto [at, fresh] = clients_.try_emplace(name);
  Client& client = at->second;
  if (fresh) {
    client.host_name = fmt::format("client {}", ++clients_made_);
    client.host = &host_for(client.host_name);
  }
  ClientLane& its = client.lanes[static_cast<std::size_t>(lane)];
  if (its.wire != nullptr && !its.wire->cut_off()) {
    return Error{EISCONN, "a client cannot connect", name, "that connection is open", "close it first"};
  }
  auto stream = client.host->connect_local(sockets().xcs);
  if (!stream) return stream.error();
  its = ClientLane{};
  its.wire = std::make_unique<Wire>(
      *client.host, std::move(*stream),
      Wire::Events{
          .received = [this, &client, lane](Bytes bytes) { client_received_bytes(client, lane, bytes); },
          .ended = [this, &client, lane] { client_ended(client, lane); }});
  its.wire->read(client.reads);
  its.number = number_of_new_client();
  return Done{};
}

Result<MachineStage::ClientLane*> MachineStage::open_lane(const std::string& name, Lane lane,
                                                          const char* what) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return not_connected(what, name);
  ClientLane& its = found->second.lanes[static_cast<std::size_t>(lane)];
  if (its.wire == nullptr) return not_connected(what, name);
  return &its;
}

void MachineStage::client_received_bytes(Client& client, Lane lane, Bytes bytes) {
  ++arrivals_;
  ClientLane& its = client.lanes[static_cast<std::size_t>(lane)];
  its.begun.insert(its.begun.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  for (; its.begun.size() - at >= sizeof(dom0::XcsMessage); at += sizeof(dom0::XcsMessage)) {
    dom0::XcsMessage frame;
    std::memcpy(static_cast<void*>(&frame), its.begun.data() + at, sizeof frame);
    its.frames.push_back(frame);
    client_frame(client, lane, frame);
  }
  its.begun.erase(its.begun.begin(), its.begun.begin() + static_cast<std::ptrdiff_t>(at));
}

void MachineStage::client_ended(Client& client, Lane lane) {
  ++arrivals_;
  journal(actor_of(client.lanes[static_cast<std::size_t>(lane)]))
      .told(0, lane == Lane::control ? trace::Fact::control_closed : trace::Fact::data_closed);
}

void MachineStage::client_frame(Client& client, Lane lane, const dom0::XcsMessage& frame) {
  trace::Journal its_journal = journal(actor_of(client.lanes[static_cast<std::size_t>(lane)]));
  dom0::tell_taken(its_journal, trace::actor(trace::Role::xcs), frame, true);
  if (lane == Lane::control) {
    const bool gives_session = frame.type == dom0::XCS_CONNECT_CTRL && frame.result == dom0::XCS_RSLT_OK;
    if (gives_session) client.session = frame.u.connect.session_id;
    return;
  }
  if (!client.answers || frame.type != dom0::XCS_REQUEST) return;
  dom0::XcsMessage answer = frame;
  answer.type = dom0::XCS_RESPONSE;
  const std::string_view bytes(reinterpret_cast<const char*>(&answer), sizeof answer);
  const auto about = dom0::about_frame(answer);
  its_journal.frame_passed(about.domain, trace::actor(trace::Role::xcs), answer.type, about.port,
                           about.message);
  client.lanes[static_cast<std::size_t>(lane)].wire->send(bytes, Typing::once);
}

Result<> MachineStage::client_sends(const std::string& name, Lane lane, Bytes bytes) {
  auto its = open_lane(name, lane, "a client cannot send");
  if (!its) return its.error();
  if (bytes.size() == sizeof(dom0::XcsMessage)) {
    dom0::XcsMessage frame;
    std::memcpy(static_cast<void*>(&frame), bytes.data(), sizeof frame);
    const auto about = dom0::about_frame(frame);
    journal(actor_of(**its))
        .frame_passed(about.domain, trace::actor(trace::Role::xcs), frame.type, about.port, about.message,
                      about.session);
  } else {
    journal(actor_of(**its)).bytes_passed(0, trace::actor(trace::Role::xcs), bytes);
  }
  (*its)->wire->send({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, Typing::once);
  return Done{};
}

/// Sends a frame and waits for the reply to it.
Result<> MachineStage::client_calls(const std::string& name, Lane lane, const dom0::XcsMessage& frame) {
  auto sent = client_sends(name, lane, {reinterpret_cast<const std::uint8_t*>(&frame), sizeof frame});
  if (!sent) return sent;
  const ClientLane& its = clients_.at(name).lanes[static_cast<std::size_t>(lane)];
  const std::size_t before = its.frames.size();
  const bool replied = run_until([&] { return its.frames.size() > before || its.wire->cut_off(); });
  if (!replied || its.frames.size() == before) {
    return Error{ETIMEDOUT, "a client cannot connect", name, "xcs does not reply",
                 "was it stopped or stalled?"};
  }
  if (its.frames.back().result == dom0::XCS_RSLT_OK) return Done{};
  return Error{EIO, "a client cannot connect", name,
               fmt::format("xcs answers with result {}", its.frames.back().result), ""};
}

Result<> MachineStage::client_connects(const std::string& name) {
  if (auto opened = client_opens(name, Lane::control); !opened) return opened;
  if (auto called = client_calls(name, Lane::control, dom0::connect_message(dom0::XCS_CONNECT_CTRL, 0));
      !called) {
    return called;
  }
  if (auto opened = client_opens(name, Lane::data); !opened) return opened;
  return client_calls(name, Lane::data,
                      dom0::connect_message(dom0::XCS_CONNECT_DATA, clients_.at(name).session));
}

Result<> MachineStage::client_closes(const std::string& name, Lane lane) {
  auto its = open_lane(name, lane, "a client cannot close");
  if (!its) return its.error();
  (*its)->wire.reset();
  return Done{};
}

Result<> MachineStage::client_reads(const std::string& name, bool reads) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return not_connected("a client cannot read", name);
  found->second.reads = reads;
  for (ClientLane& its : found->second.lanes) {
    if (its.wire != nullptr) its.wire->read(reads);
  }
  return Done{};
}

Result<> MachineStage::client_answers(const std::string& name, bool answers) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return not_connected("a client cannot answer", name);
  found->second.answers = answers;
  return Done{};
}

Result<std::vector<dom0::XcsMessage>> MachineStage::client_received(const std::string& name,
                                                                    Lane lane) const {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return not_connected("a client has received nothing", name);
  return found->second.lanes[static_cast<std::size_t>(lane)].frames;
}

bool MachineStage::client_cut_off(const std::string& name, Lane lane) const {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return false;
  const ClientLane& its = found->second.lanes[static_cast<std::size_t>(lane)];
  return its.wire != nullptr && its.wire->cut_off();
}

std::uint64_t MachineStage::client_session(const std::string& name) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? 0 : found->second.session;
}

std::uint32_t MachineStage::client_number(const std::string& name, Lane lane) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? 0 : found->second.lanes[static_cast<std::size_t>(lane)].number;
}

std::vector<std::uint32_t> MachineStage::numbers_of_client(std::uint32_t number) const {
  for (const auto& [name, client] : clients_) {
    std::vector<std::uint32_t> numbers;
    for (const ClientLane& lane : client.lanes) {
      if (lane.number != 0) numbers.push_back(lane.number);
    }
    if (std::ranges::find(numbers, number) != numbers.end()) return numbers;
  }
  return {number};
}

std::optional<std::string> MachineStage::host_of_client(std::uint32_t number) const {
  for (const auto& [name, client] : clients_) {
    for (const ClientLane& lane : client.lanes) {
      if (lane.number == number) return client.host_name;
    }
  }
  return std::nullopt;
}

}  // namespace ringside::script
