#include "tools/command.h"
namespace ringside::tools {
void add_demo_command(CLI::App&, Session&) {}
}
