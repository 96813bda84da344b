// Answers with the front end of `ringside check-scn` and `ringside fmt`. A request that cannot be answered is
// an exception, which ends in Session::take().
#include "tools/lsp/server.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "emu/script/format.h"
#include "emu/script/script.h"
#include "emu/trace/quote.h"
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

constexpr int nesting_max = 32;  ///< what is deeper in a message is ignored: no message of an editor is

// -- places: editors count UTF-16 units, of which characters beyond U+FFFF (four bytes) have two

std::size_t bytes_at(std::string_view line, std::size_t at) {
  return std::max<std::size_t>(trace::character_at(line, at).size(), 1);
}
std::size_t units_at(std::string_view line, std::size_t at) {
  return bytes_at(line, at) == 4 ? 2 : 1;
}
std::size_t bytes_of(std::string_view line, std::size_t units) {
  std::size_t at = 0;
  for (; at < line.size() && units_at(line, at) <= units; at += bytes_at(line, at))
    units -= units_at(line, at);
  return at;
}

json range_of(std::string_view line, std::size_t number, std::size_t begin, std::size_t end) {
  const auto place = [&](std::size_t bytes) {
    std::size_t units = 0;
    for (std::size_t at = 0; at < std::min(bytes, line.size()); at += bytes_at(line, at))
      units += units_at(line, at);
    return json{{"line", number}, {"character", units}};
  };
  return {{"start", place(begin)}, {"end", place(end)}};
}
json range_of(const Sources& sources, const script::Span& span) {
  const std::size_t number = span.nowhere() ? 0 : span.line - 1;  // editors count from 0
  return range_of(sources.line(span.source, span.line), number, span.begin, span.end);
}

std::string plain(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

/// The path of a file's URI. A document without a file has another URI, which is used as its path.
std::string path_of(std::string_view uri) {
  if (!uri.starts_with("file://")) return plain(std::string(uri));
  std::string path(uri.substr(std::min(uri.find('/', 7), uri.size())));  // "file://localhost/..."
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
    const bool kept = (byte >= '-' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
                      (byte >= 'a' && byte <= 'z');
    uri += kept ? std::string(1, byte) : fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  return uri;
}

// -- requests about a document

struct Document {
  std::string uri;
  std::string text;
  std::set<std::string> reads;  ///< its own path, and those of the files that it includes
  script::Script script;
};

/// The line of a request's position, and the byte in it. A position behind the end means the end.
std::pair<std::string, std::size_t> line_at(const Document& document, const json& params) {
  const auto number = params.at("position").at("line").get_ref<const json::number_unsigned_t&>();
  const auto units = params.at("position").at("character").get_ref<const json::number_unsigned_t&>();
  const Sources& sources = document.script.sources;
  if (sources.size() == 0 || number >= sources.at(0).lines.size()) return {};
  const std::string& line = sources.at(0).lines[number];
  return {line, bytes_of(line, units)};
}

json completion(const Document& document, const json& params) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  const auto [line, byte] = line_at(document, params);
  std::string before = line.substr(0, byte);
  const std::size_t range = before.rfind("..");  // of domains
  std::size_t begin = before.find_last_not_of(letters) + 1;
  if (range != std::string::npos) begin = std::max(begin, range + 2);
  before.resize(begin);
  const json replaced = range_of(line, params["position"]["line"], begin, byte);
  json items = json::array();
  for (const WordHere& each : words_possible(document.script, before)) {
    const json edit = {{"range", replaced}, {"newText", each.word}};
    json item = {{"label", each.word}, {"kind", each.kind}, {"textEdit", edit}};
    item.update({{"detail", each.syntax}, {"documentation", each.what}});
    items.push_back(std::move(item));
  }
  return items;
}

json hover(const Document& document, const json& params) {
  const auto [line, byte] = line_at(document, params);
  const auto word = word_at(line, byte);
  if (!word) return nullptr;
  const std::string text =
      fmt::format("{}\n{}{}{}", word->word, word->syntax, word->what.empty() ? "" : "\n", word->what);
  return {{"contents", {{"kind", "plaintext"}, {"value", text}}},
          {"range", range_of(line, params["position"]["line"], word->span.begin, word->span.end)}};
}

json formatting(const Document& document, const json&) {
  Sources sources;
  script::Diagnostics found;
  const auto formatted = script::format(document.uri, document.text, sources, found);
  if (!formatted)
    throw Refused{request_failed, fmt::format("cannot format: {}", found.all().front().text(sources))};
  if (*formatted == document.text) return json::array();
  const std::string last = document.text.substr(document.text.rfind('\n') + 1);
  json range =
      range_of(last, static_cast<std::size_t>(std::ranges::count(document.text, '\n')), 0, last.size());
  range["start"] = {{"line", 0}, {"character", 0}};
  return json::array({{{"range", range}, {"newText", *formatted}}});
}

/// The scenarios and their phases, in their order.
json symbols(const Document& document, const json&) {
  json found = json::array();
  const Sources& sources = document.script.sources;
  if (sources.size() == 0) return found;
  script::Diagnostics unread;
  for (const script::Line& line : script::lex(sources, 0, unread)) {
    const bool scenario = line.tokens.size() > 1 && line.tokens[0].is("scenario");
    const std::string& title = scenario ? line.tokens[1].text : line.title;
    constexpr int module_kind = 2, event_kind = 24;
    const json range = range_of(sources, line.span());
    json symbol = {{"name", title}, {"kind", scenario ? module_kind : event_kind}};
    symbol.update({{"range", range}, {"selectionRange", range}});
    if (!title.empty()) found.push_back(std::move(symbol));
  }
  return found;
}

constexpr std::pair<std::string_view, json (*)(const Document&, const json& params)> requests[] = {
    {"textDocument/completion", completion},
    {"textDocument/hover", hover},
    {"textDocument/formatting", formatting},
    {"textDocument/documentSymbol", symbols}};

// -- the session

class Session {
 public:
  Session(std::string version, script::Reader disk, std::function<void(const std::string& message)> send)
      : version_(std::move(version)), disk_(std::move(disk)), send_(std::move(send)) {}

  SessionState take(const std::string& message);

 private:
  json answer(const std::string& method, const json& params);
  void notice(const std::string& method, const json& params);
  void check(const std::string& changed);
  const Document& document_in(const json& params) const {
    const auto uri = params.at("textDocument").at("uri").get<std::string>();
    const auto found = documents_.find(path_of(uri));
    if (found == documents_.end()) throw Refused{bad_params, fmt::format("{} is not open", uri)};
    return found->second;
  }
  /// A file without a scenario is checked only as a part of an open document that includes it.
  bool is_part(const std::string& path, const Document& document) const {
    return document.script.templates.empty() && std::ranges::any_of(documents_, [&](const auto& other) {
             return !other.second.script.templates.empty() && other.second.reads.contains(path);
           });
  }
  void send(json message) {
    message["jsonrpc"] = "2.0";
    send_(message.dump(-1, ' ', false, json::error_handler_t::replace));  // an included file may be no UTF-8
  }
  void notify(const char* method, json params) { send({{"method", method}, {"params", std::move(params)}}); }

  std::string version_;
  script::Reader disk_;
  std::function<void(const std::string& message)> send_;
  SessionState state_ = SessionState::starting;
  std::map<std::string, Document> documents_;  ///< the open ones, by path
  std::map<std::string, json> shown_;          ///< the diagnostics that the editor has, by path
};

SessionState Session::take(const std::string& message) {
  json id;
  std::string method;
  const auto refuse = [&](int code, const std::string& why) {
    // A notice has no answer: the editor's log gets the error.
    if (!method.empty() && id.is_null()) return notify("window/logMessage", {{"type", 1}, {"message", why}});
    send({{"id", id}, {"error", {{"code", code}, {"message", why}}}});
  };
  try {
    const auto shallow = [](int depth, json::parse_event_t, const json&) { return depth <= nesting_max; };
    const json read = json::parse(message, shallow, false);
    if (read.is_discarded()) throw Refused{not_json, "the message is not JSON"};
    if (!read.is_object()) throw Refused{no_message, "a message is one object"};
    if (!read.contains("method") && (read.contains("result") || read.contains("error"))) return state_;
    id = read.value("id", json());
    if (id.is_structured() || id.is_boolean() || (id.is_null() && read.contains("id")))
      throw Refused{no_message, "an id is a number or a string: " + std::exchange(id, {}).dump()};
    if (!read.contains("method") || !read["method"].is_string())
      throw Refused{no_message, "a message has a method, which is a string"};
    method = read["method"].get<std::string>();
    const json params = read.value("params", json::object());
    if (method == "exit" && state_ == SessionState::shut_down) return SessionState::ended_in_order;
    if (method == "exit") return SessionState::ended_early;
    if (!id.is_null()) {
      send({{"id", id}, {"result", answer(method, params)}});
    } else if (state_ == SessionState::serving) {
      notice(method, params);
    }
  } catch (const Refused& refused) {
    refuse(refused.code, refused.why);
  } catch (const json::exception& wrong) {
    refuse(bad_params, fmt::format("the parameters of {} are wrong: {}", method, wrong.what()));
  }
  return state_;
}

json Session::answer(const std::string& method, const json& params) {
  if (state_ == SessionState::shut_down) throw Refused{no_message, "the server is shut down"};
  if (method == "initialize") {
    if (std::exchange(state_, SessionState::serving) == SessionState::serving)
      throw Refused{no_message, "the server is initialized already"};
    json can = {{"textDocumentSync", {{"openClose", true}, {"change", 1}}}, {"positionEncoding", "utf-16"}};
    can["completionProvider"] = {{"triggerCharacters", {" ", "."}}};
    for (const char* each : {"hoverProvider", "documentFormattingProvider", "documentSymbolProvider"})
      can[each] = true;
    return {{"capabilities", can}, {"serverInfo", {{"name", "ringside"}, {"version", version_}}}};
  }
  if (state_ == SessionState::starting) throw Refused{not_initialized, "the first request is initialize"};
  for (const auto& [name, answered] : requests) {
    if (method == name) return answered(document_in(params), params);
  }
  if (method != "shutdown") throw Refused{no_method, "there is no method " + method};
  state_ = SessionState::shut_down;
  return nullptr;
}

void Session::notice(const std::string& method, const json& params) {
  if (method == "textDocument/didOpen") {
    const auto uri = params.at("textDocument").at("uri").get<std::string>();
    const std::string path = path_of(uri);
    documents_[path] = {uri, params["textDocument"].at("text").get<std::string>(), {path}, {}};
    check(path);
  } else if (method == "textDocument/didChange") {
    const std::string path = path_of(document_in(params).uri);
    const json& changes = params.at("contentChanges");
    if (!changes.is_array() || changes.empty() || changes.back().contains("range"))
      throw Refused{bad_params, fmt::format("cannot change {}: the whole text is wanted", path)};
    documents_[path].text = changes.back().at("text").get<std::string>();
    check(path);
  } else if (method == "textDocument/didClose") {
    const std::string path = path_of(document_in(params).uri);
    documents_.erase(path);
    check(path);
  }
}

/// Checks the documents that contain this file, and sends the diagnostics that have changed.
void Session::check(const std::string& changed) {
  for (auto& [path, checked] : documents_) {
    Document& document = checked;
    if (!document.reads.contains(changed)) continue;
    document.reads = {path};
    document.script = script::read_script(path, [&](const std::string& asked) {
      document.reads.insert(plain(asked));
      const auto open = documents_.find(plain(asked));
      return open == documents_.end() ? disk_(asked) : Result<std::string>(open->second.text);
    });
    script::check_all(document.script);
  }
  std::map<std::string, json> found = {{changed, json::array()}};
  for (const auto& [path, had] : shown_) found[path] = json::array();
  const auto uri = [&](const std::string& path) {
    return documents_.contains(path) ? documents_.at(path).uri : uri_of(path);
  };
  for (const auto& [path, document] : documents_) {
    if (is_part(path, document)) continue;
    const Sources& sources = document.script.sources;
    for (const script::Diagnostic& each : document.script.diagnostics.all()) {
      const std::string at = each.span.nowhere() ? path : plain(sources.at(each.span.source).path);
      const std::string text = each.hint.empty() ? each.message : each.message + "\n" + each.hint;
      json made = {{"code", each.code}, {"message", text}, {"source", "ringside"}};
      made["severity"] = each.severity == script::Severity::error ? 1 : 2;
      made["range"] = range_of(sources, each.span);
      const auto from = each.span.nowhere() ? script::Span{} : sources.at(each.span.source).included_from;
      if (!from.nowhere()) {
        const std::string includer = uri(plain(sources.at(from.source).path));
        const json place = {{"uri", includer}, {"range", range_of(sources, from)}};
        made["relatedInformation"] = json::array({{{"location", place}, {"message", "included here"}}});
      }
      found[at].push_back(std::move(made));
    }
  }
  for (const auto& [path, list] : found) {
    if (path != changed && shown_[path] == list) continue;
    notify("textDocument/publishDiagnostics", {{"uri", uri(path)}, {"diagnostics", list}});
    shown_[path] = list;
  }
  std::erase_if(shown_, [](const auto& each) { return each.second.empty(); });
}

}  // namespace

LanguageServer language_server(std::string version, script::Reader disk,
                               std::function<void(const std::string& message)> send) {
  const auto session = std::make_shared<Session>(std::move(version), std::move(disk), std::move(send));
  return [session](const std::string& message) { return session->take(message); };
}

}  // namespace ringside::tools
