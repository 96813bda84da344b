// What the build knows about this program. It writes the texts: commit.cc.in, built_with.cc.in.
#pragma once

namespace ringside::tools {

/// A commit of git, "-dirty" if the tree was changed; "unknown" without git.
extern const char built_from_commit[];
/// The compiler, the build's settings, and each library with its version, one a line.
extern const char built_with[];

}  // namespace ringside::tools
