// The mapped frames of one process, by address.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <map>

#include "emu/host/linux_host.h"

namespace ringside {

struct LinuxHost::Memory {
  std::map<std::byte*, boost::interprocess::mapped_region> regions;
};

}  // namespace ringside
