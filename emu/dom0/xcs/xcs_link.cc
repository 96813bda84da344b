// Makes the session, and makes it again after a loss.
#include "emu/dom0/xcs/xcs_link.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

XcsLink::XcsLink(Host& host, trace::Journal journal, std::string path, std::uint16_t virq, Events events)
    : host_(host), journal_(journal), path_(std::move(path)), virq_(virq), events_(std::move(events)) {}

XcsLink::~XcsLink() {
  if (retry_ != 0) host_.timer_cancel(retry_);
}

Result<> XcsLink::start() {
  RS_CHECK(client_ == nullptr && retry_ == 0);
  return connect();
}

Result<> XcsLink::connect() {
  XcsClient::Events events;
  events.frame = [this](const XcsMessage& frame) { take_frame(frame); };
  events.pause = [this] { events_.pause(); };
  events.room = [this] { events_.room(); };
  events.lost = [this](const Error& error) { lost(error); };
  auto client = std::make_unique<XcsClient>(host_, journal_, std::move(events));
  auto connected = client->connect(path_, [this] { ask_for_numbers(); });
  if (!connected) return connected;
  client_ = std::move(client);
  virq_came_ = false;
  return Done{};
}

void XcsLink::ask_for_numbers() {
  if (!wants_numbers_) return bind_virq();
  client_->call(connect_message(XCS_NUMBERS, 0), [this](const XcsMessage& reply) {
    const bool early = reply.u.connect.session_id == xcs_numbers_early;
    numbers_ = reply.result == XCS_RSLT_OK && (early || reply.u.connect.session_id == xcs_numbers_kept);
    answer_ = numbers_ && early ? Answer::xcs : Answer::xend;
    client_->use_numbers(numbers_);
    bind_virq();
  });
}

void XcsLink::bind_virq() {
  client_->call(virq_bind_message(virq_), [this](const XcsMessage& reply) {
    if (reply.result != XCS_RSLT_OK) {
      // Without the virq xend would not notice a domain's end. xcs may still connect to its hypervisor.
      return client_->lose({EPROTO, "xcs cannot bind a virtual interrupt", path_,
                            fmt::format("VIRQ {}, result {}", virq_, reply.result), ""});
    }
    virq_port_ = reply.u.virq.port;
    up_ = true;
    if (warned_) host_.warn("xcs is back: " + path_);
    warned_ = false;
    events_.up();
    if (std::exchange(virq_came_, false)) events_.virq();
    client_->flush();
  });
}

void XcsLink::take_frame(const XcsMessage& frame) {
  if (frame.type != XCS_VIRQ) return events_.frame(frame);
  // Before the link is up this can only be the virq of this session, which has overtaken the reply that names
  // its port.
  if (!up_) {
    virq_came_ = true;
  } else if (frame.u.control.local_port == virq_port_) {
    events_.virq();
  }
}

void XcsLink::call(const XcsMessage& request, XcsClient::Reply done) {
  if (up_) client_->call(request, std::move(done));
}

bool XcsLink::has_room() {
  return up_ && client_->has_room();
}

void XcsLink::send(const XcsMessage& frame) {
  client_->send(frame);
}

void XcsLink::flush() {
  if (up_) client_->flush();
}

void XcsLink::poll() {
  if (up_) client_->poll();
}

void XcsLink::lost(const Error& error) {
  if (!warned_) {
    host_.warn(fmt::format("{}; trying again every {} ms", error.text(),
                           std::chrono::duration_cast<std::chrono::milliseconds>(xcs_retry_delay).count()));
  }
  warned_ = true;
  client_.reset();
  retry_ = host_.timer_start(xcs_retry_delay, [this] { retry(); });
  if (std::exchange(up_, false)) events_.down();
}

void XcsLink::retry() {
  retry_ = 0;
  // If no process listens yet, the warning has already been given.
  if (!connect()) retry_ = host_.timer_start(xcs_retry_delay, [this] { retry(); });
}

}  // namespace ringside::dom0
