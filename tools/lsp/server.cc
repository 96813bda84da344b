// Answers with the front end of `ringside check-scn` and `ringside fmt`. A message that cannot be handled
// throws an exception, which take() catches.
#include "tools/lsp/server.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <utility>

#include "emu/script/format.h"
#include "emu/script/script.h"
#include "tools/lsp/words_here.h"

namespace ringside::tools {

namespace {

using nlohmann::json;
using script::Sources;

// Why a message is refused: codes of JSON-RPC and of the protocol.
constexpr int not_json = -32700, no_message = -32600, no_method = -32601, bad_params = -32602;
constexpr int not_initialized = -32002, request_failed = -32803;
struct Refused {
  int code;
  std::string why;
};

// -- places

/// Editors count columns in UTF-16 units. A character has two of them if it has four bytes in UTF-8,
/// otherwise one. They are counted at its first byte.
std::size_t units_of(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  if (value >= 0xf0) return 2;
  return (value & 0xc0) == 0x80 ? 0 : 1;
}

/// The byte of a column. A column beyond the end is the end.
std::size_t byte_at(std::string_view line, std::size_t units) {
  std::size_t at = 0;
  for (; at < line.size() && units_of(line[at]) <= units; ++at) units -= units_of(line[at]);
  return at;
}

/// `number`: of the line, from 0.
json place(std::size_t number, std::string_view line, std::size_t byte) {
  std::size_t units = 0;
  for (const char each : line.substr(0, byte)) units += units_of(each);
  return {{"line", number}, {"character", units}};
}

json range(std::size_t number, std::string_view line, std::size_t begin, std::size_t end) {
  return {{"start", place(number, line, begin)}, {"end", place(number, line, end)}};
}

// -- files

std::string plain(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

/// The path of a file's URI. A document without a file has another URI, which is used as its path.
std::string path_of(const std::string& uri) {
  if (!uri.starts_with("file://")) return plain(uri);
  std::string path = uri.substr(std::min(uri.find('/', 7), uri.size()));  // "file://localhost/..."
  for (std::size_t at = path.find('%'); at != std::string::npos; at = path.find('%', at + 1)) {
    unsigned char value = 0;
    const char* const end = path.data() + std::min(at + 3, path.size());
    if (std::from_chars(path.data() + at + 1, end, value, 16).ptr == path.data() + at + 3)
      path.replace(at, 3, 1, static_cast<char>(value));
  }
  return plain(path);
}

std::string uri_of(const std::string& path) {
  std::string uri = "file://";
  for (const char byte : std::filesystem::absolute(path).string()) {
    const auto value = static_cast<unsigned char>(byte);
    const bool kept = std::isalnum(value) != 0 || std::string_view("/._-").find(byte) != std::string::npos;
    uri += kept ? std::string(1, byte) : fmt::format("%{:02X}", value);
  }
  return uri;
}

// -- answers about a document

struct Position {
  std::size_t number = 0;  ///< of the line, from 0
  std::string line;        ///< empty behind the last line
  std::size_t byte = 0;
};

Position position_in(const Document& document, const json& params) {
  const json& asked = params.at("position");
  Position position{asked.at("line").get_ref<const json::number_unsigned_t&>(), "", 0};
  const auto units = asked.at("character").get_ref<const json::number_unsigned_t&>();
  const Sources& sources = document.script.sources;  // there is none if the text is too long
  if (sources.size() != 0 && position.number < sources.at(0).lines.size())
    position.line = sources.at(0).lines[position.number];
  position.byte = byte_at(position.line, units);
  return position;
}

json completion(const Document& document, const json& params) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  const auto [number, line, byte] = position_in(document, params);
  const std::string before = line.substr(0, byte);
  const std::size_t begin = before.find_last_not_of(letters) + 1;
  json items = json::array();
  for (const auto& [word, meaning] : words_possible(before.substr(0, begin), before.substr(begin))) {
    const json edit = {{"range", range(number, line, begin, byte)}, {"newText", word}};
    items.push_back({{"label", word}, {"documentation", meaning}, {"textEdit", edit}});
  }
  return items;
}

json hover(const Document& document, const json& params) {
  const auto [number, line, byte] = position_in(document, params);
  const auto word = word_at(line, byte);
  if (!word) return nullptr;
  return {{"contents", {{"kind", "plaintext"}, {"value", word->meaning}}},
          {"range", range(number, line, word->span.begin, word->span.end)}};
}

json formatting(const Document& document) {
  const std::string& text = document.text;
  Sources sources;
  script::Diagnostics found;
  const auto formatted = script::format(document.uri, text, sources, found);
  if (!formatted)
    throw Refused{request_failed, fmt::format("cannot format: {}", found.all().front().text(sources))};
  if (*formatted == text) return json::array();
  const auto last_number = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  const std::string last = text.substr(text.rfind('\n') + 1);
  const json all = {{"start", place(0, "", 0)}, {"end", place(last_number, last, last.size())}};
  return json::array({{{"range", all}, {"newText", *formatted}}});
}

json diagnostic(const Sources& sources, const script::Diagnostic& found) {
  const script::Span& span = found.span;
  const std::size_t number = span.nowhere() ? 0 : span.line - 1;
  return {{"code", found.code},
          {"message", found.hint.empty() ? found.message : found.message + "\n" + found.hint},
          {"range", range(number, sources.line(span.source, span.line), span.begin, span.end)},
          {"severity", found.severity == script::Severity::error ? 1 : 2},
          {"source", "ringside"}};
}

}  // namespace

// -- the session

SessionState LanguageServer::take(const std::string& message) {
  json id;
  std::string method;
  const auto refuse = [&](int code, const std::string& why) {
    // A notification has no answer: the editor's log gets the error.
    if (!method.empty() && id.is_null()) return notify("window/logMessage", {{"type", 1}, {"message", why}});
    send({{"id", id}, {"error", {{"code", code}, {"message", why}}}});
  };
  try {
    json read = json::parse(message, nullptr, false);
    if (read.is_discarded()) throw Refused{not_json, "the message is not JSON"};
    if (!read.is_object()) throw Refused{no_message, "a message is one object"};
    // An answer, although the server asks nothing. An error would confuse the editor.
    if (!read.contains("method") && (read.contains("result") || read.contains("error"))) return state_;
    if (read.contains("id") && !read["id"].is_number() && !read["id"].is_string())
      throw Refused{no_message, "an id is a number or a string"};
    id = read.value("id", json());
    if (!read.contains("method") || !read["method"].is_string())
      throw Refused{no_message, "a message has a method, which is a string"};
    method = read["method"].get<std::string>();
    const json params = std::move(read["params"]);  // a copy of a deep value would need a deep stack
    if (method == "exit" && state_ == SessionState::shut_down) return SessionState::ended_in_order;
    if (method == "exit") return SessionState::ended_early;
    if (!id.is_null()) {
      send({{"id", id}, {"result", answer(method, params)}});
    } else if (state_ == SessionState::serving) {
      handle_notification(method, params);
    }
  } catch (const Refused& refused) {
    refuse(refused.code, refused.why);
  } catch (const json::exception& wrong) {
    refuse(bad_params, fmt::format("the parameters of {} are wrong: {}", method, wrong.what()));
  }
  return state_;
}

json LanguageServer::answer(const std::string& method, const json& params) {
  if (state_ == SessionState::shut_down) throw Refused{no_message, "the server is shut down"};
  if (method == "initialize") {
    if (state_ == SessionState::serving) throw Refused{no_message, "the server is initialized already"};
    state_ = SessionState::serving;
    return {{"capabilities",
             {{"textDocumentSync", {{"openClose", true}, {"change", 1}}},  // 1: the whole text
              {"completionProvider", {{"triggerCharacters", {" ", "."}}}},
              {"hoverProvider", true},
              {"documentFormattingProvider", true}}}};
  }
  if (state_ == SessionState::starting) throw Refused{not_initialized, "the first request is initialize"};
  if (method == "textDocument/completion") return completion(document_in(params), params);
  if (method == "textDocument/hover") return hover(document_in(params), params);
  if (method == "textDocument/formatting") return formatting(document_in(params));
  if (method != "shutdown") throw Refused{no_method, "there is no method " + method};
  state_ = SessionState::shut_down;
  return nullptr;
}

void LanguageServer::handle_notification(const std::string& method, const json& params) {
  if (method == "textDocument/didOpen") {
    const json& opened = params.at("textDocument");
    const auto uri = opened.at("uri").get<std::string>();
    documents_.insert_or_assign(path_of(uri), Document{uri, opened.at("text").get<std::string>(), {}});
  } else if (method == "textDocument/didChange") {
    Document& document = document_in(params);
    const json& changes = params.at("contentChanges");
    if (!changes.is_array() || changes.empty() || changes.back().contains("range"))
      throw Refused{bad_params, fmt::format("cannot change {}: the whole text is wanted", document.uri)};
    document.text = changes.back().at("text").get<std::string>();
  } else if (method == "textDocument/didClose") {
    documents_.erase(path_of(document_in(params).uri));
  } else {
    return;
  }
  check();
}

/// Checks all open documents, since they may include each other, and sends their diagnostics.
void LanguageServer::check() {
  const auto read_file = [this](const std::string& path) {
    const auto open = documents_.find(plain(path));
    return open == documents_.end() ? disk_(path) : Result<std::string>(open->second.text);
  };
  std::set<std::string> parts;  // of scenarios that are open
  for (auto& [path, document] : documents_) {
    document.script = script::read_script(path, read_file);
    script::check_all(document.script);
    const Sources& sources = document.script.sources;
    for (std::uint32_t each = 1; each < sources.size() && !document.script.templates.empty(); ++each)
      parts.insert(plain(sources.at(each).path));
  }
  // By URI. Each diagnostic is there once, even if several documents include its file. An empty set removes
  // what the editor shows.
  std::map<std::string, std::set<json>> found;
  for (const std::string& uri : std::exchange(shown_, {})) found.try_emplace(uri);
  for (const auto& [path, document] : documents_) {
    found.try_emplace(document.uri);
    // A part without a scenario is checked only where it is included.
    if (document.script.templates.empty() && parts.contains(path)) continue;
    const Sources& sources = document.script.sources;
    for (const script::Diagnostic& each : document.script.diagnostics.all()) {
      const std::string file = each.span.nowhere() ? path : plain(sources.at(each.span.source).path);
      const auto open = documents_.find(file);
      const std::string uri = open == documents_.end() ? uri_of(file) : open->second.uri;
      found[uri].insert(diagnostic(sources, each));
    }
  }
  for (const auto& [uri, diagnostics] : found) {
    notify("textDocument/publishDiagnostics", {{"uri", uri}, {"diagnostics", diagnostics}});
    if (!diagnostics.empty()) shown_.insert(uri);
  }
}

Document& LanguageServer::document_in(const json& params) {
  const auto uri = params.at("textDocument").at("uri").get<std::string>();
  const auto found = documents_.find(path_of(uri));
  if (found == documents_.end()) throw Refused{bad_params, fmt::format("{} is not open", uri)};
  return found->second;
}

void LanguageServer::send(json message) {
  message["jsonrpc"] = "2.0";
  // Lines of included files are part of messages, and may be invalid UTF-8.
  send_(message.dump(-1, ' ', false, json::error_handler_t::replace));
}

void LanguageServer::notify(const char* method, const json& params) {
  send({{"method", method}, {"params", params}});
}

}  // namespace ringside::tools
