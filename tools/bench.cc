#include "tools/command.h"
namespace ringside::tools {
void add_bench_command(CLI::App&, Session&) {}
}
