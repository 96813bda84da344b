// Rewrites line by line and instruction by instruction. A lock prefix may be on its own line.
#include "tools/ring_check/barriers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace ringside::tools {

namespace {

constexpr std::string_view spaces = " \t\r";
/// A function may keep values below the stack pointer.
constexpr int red_zone_bytes = 128;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

/// Removes the first word from `text`, and returns it.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = text.find_first_of(spaces);
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : trimmed(text.substr(end));
  return word;
}

/// Splits the operands at commas outside parentheses.
std::vector<std::string_view> operands_of(std::string_view text) {
  std::vector<std::string_view> operands;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      operands.push_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return operands;
}

bool is_memory(std::string_view operand) {
  return !operand.empty() && operand.front() != '%' && operand.front() != '$';
}

bool is_on_stack(std::string_view operand) {
  return operand.find("(%rsp") != std::string_view::npos || operand.find("(%esp") != std::string_view::npos;
}

/// The size of an access: that of a register operand, or else that of the instruction's last letter.
unsigned bytes_of(std::string_view instruction, const std::vector<std::string_view>& operands) {
  if (instruction == "cmpxchg8b") return 8;
  if (instruction == "cmpxchg16b") return 16;
  for (const std::string_view operand : operands) {
    if (operand.size() < 3 || operand.front() != '%') continue;
    const std::string_view name = operand.substr(1);
    const char last = name.back();
    const bool numbered = std::isdigit(static_cast<unsigned char>(name[1])) != 0;
    if (last == 'b' || last == 'l' || last == 'h') return 1;
    if (numbered && last == 'w') return 2;
    if (numbered && last == 'd') return 4;
    if (name.front() == 'r') return 8;
    return name.front() == 'e' ? 4 : 2;
  }
  switch (instruction.back()) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'q':
      return 8;
    default:
      return 4;
  }
}

std::string call(std::string_view function) {
  return fmt::format("\tleaq -{0}(%rsp), %rsp\n\tcall *{1}@GOTPCREL(%rip)\n\tleaq {0}(%rsp), %rsp\n",
                     red_zone_bytes, function);
}

/// Passes the address in a register that the code may use, and therefore saves the register. Adjusts an
/// address relative to the stack pointer.
std::string announce(std::string_view memory, unsigned bytes) {
  constexpr int moved = red_zone_bytes + 8;
  const bool by_stack = memory.find("%rsp") != std::string_view::npos;
  const std::string address =
      by_stack ? fmt::format("{}{}{}", moved, memory.front() == '(' ? "" : "+", memory) : std::string(memory);
  return fmt::format(
      "\tleaq -{0}(%rsp), %rsp\n\tpushq %rdi\n\tleaq {1}, %rdi\n\tcall "
      "*ring_check_asm_update{2}@GOTPCREL(%rip)\n\tpopq %rdi\n"
      "\tleaq {0}(%rsp), %rsp\n",
      red_zone_bytes, address, bytes);
}

class Rewriter {
 public:
  RewrittenAssembler run(std::string_view assembler) {
    while (!assembler.empty()) {
      const std::size_t end = assembler.find('\n');
      line(assembler.substr(0, end));
      assembler = end == std::string_view::npos ? std::string_view{} : assembler.substr(end + 1);
    }
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    const std::string_view content = trimmed(text);
    if (content == "#APP") in_block_ = true;
    if (content == "#NO_APP") in_block_ = false;
    if (!in_block_ || content.empty() || content.front() == '#') {
      copy(text);
      return;
    }
    const std::string_view code = content.substr(0, content.find('#'));
    for (std::size_t start = 0; start <= code.size();) {
      const std::size_t end = std::min(code.find(';', start), code.size());
      instruction(trimmed(code.substr(start, end - start)));
      start = end + 1;
    }
  }

  void instruction(std::string_view text) {
    std::string_view rest = text;
    std::string_view name = take_word(rest);
    if (name.empty()) return;
    if (name == "mfence") return fence("ring_check_asm_mb");
    if (name == "sfence") return fence("ring_check_asm_wmb");
    if (name == "lfence") return fence("ring_check_asm_rmb");
    if (name == "lock") {
      locked_ = true;
      if (rest.empty()) return;
      text = rest;
      name = take_word(rest);
    }
    const std::vector<std::string_view> operands = operands_of(rest);
    // An exchange with memory is locked even without the prefix.
    const bool exchange = name.starts_with("xchg");
    const bool locked = std::exchange(locked_, false);
    for (const std::string_view operand : operands) {
      if (!(locked || exchange) || !is_memory(operand)) continue;
      // Other threads do not see the stack: the instruction is used as a barrier.
      if (locked && is_on_stack(operand) && operands.front().starts_with('$'))
        return fence("ring_check_asm_mb", text);
      out_.text += announce(operand, bytes_of(name, operands));
      ++out_.locked;
      break;
    }
    copy(fmt::format("\t{}{}", locked ? "lock " : "", text));
  }

  /// `also`: the original instruction, because later code may read the flags that it sets.
  void fence(std::string_view function, std::string_view also = {}) {
    out_.text += call(function);
    if (!also.empty()) copy(fmt::format("\tlock {}", also));
    ++out_.fences;
  }

  void copy(std::string_view text) {
    out_.text += text;
    out_.text += '\n';
  }

  RewrittenAssembler out_;
  bool in_block_ = false;
  bool locked_ = false;
};

}  // namespace

RewrittenAssembler rewrite_barriers(std::string_view assembler) {
  return Rewriter().run(assembler);
}

}  // namespace ringside::tools
