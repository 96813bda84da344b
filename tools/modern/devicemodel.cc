// libxendevicemodel.so.1: calls of a device model, which emulates hardware for a domain. No domain of
// ringside has such hardware, so a handle can be opened, and each call answers ENOSYS. libxenctrl opens a
// handle in any case.
#include "tools/modern/link.h"

using namespace ringside;
using namespace ringside::modern;

namespace {

int missing(const char* call) {
  return answer(-1, [&]() -> Result<int> { return not_here(call); });
}

/// A handle has no state, but each has an address.
struct DeviceModel {};

}  // namespace

RINGSIDE_EXPORT void* xendevicemodel_open(void*, unsigned) {
  return answer<void*>(nullptr, []() -> Result<void*> { return new DeviceModel; });
}

RINGSIDE_EXPORT int xendevicemodel_close(void* handle) {
  delete static_cast<DeviceModel*>(handle);
  return 0;
}

// The arguments are ignored.

RINGSIDE_EXPORT int xendevicemodel_create_ioreq_server(...) {
  return missing("xendevicemodel_create_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_destroy_ioreq_server(...) {
  return missing("xendevicemodel_destroy_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_get_ioreq_server_info(...) {
  return missing("xendevicemodel_get_ioreq_server_info");
}

RINGSIDE_EXPORT int xendevicemodel_inject_event(...) {
  return missing("xendevicemodel_inject_event");
}

RINGSIDE_EXPORT int xendevicemodel_inject_msi(...) {
  return missing("xendevicemodel_inject_msi");
}

RINGSIDE_EXPORT int xendevicemodel_map_io_range_to_ioreq_server(...) {
  return missing("xendevicemodel_map_io_range_to_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_map_mem_type_to_ioreq_server(...) {
  return missing("xendevicemodel_map_mem_type_to_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_map_pcidev_to_ioreq_server(...) {
  return missing("xendevicemodel_map_pcidev_to_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_modified_memory(...) {
  return missing("xendevicemodel_modified_memory");
}

RINGSIDE_EXPORT int xendevicemodel_restrict(...) {
  return missing("xendevicemodel_restrict");
}

RINGSIDE_EXPORT int xendevicemodel_set_ioreq_server_state(...) {
  return missing("xendevicemodel_set_ioreq_server_state");
}

RINGSIDE_EXPORT int xendevicemodel_set_isa_irq_level(...) {
  return missing("xendevicemodel_set_isa_irq_level");
}

RINGSIDE_EXPORT int xendevicemodel_set_mem_type(...) {
  return missing("xendevicemodel_set_mem_type");
}

RINGSIDE_EXPORT int xendevicemodel_set_pci_intx_level(...) {
  return missing("xendevicemodel_set_pci_intx_level");
}

RINGSIDE_EXPORT int xendevicemodel_set_pci_link_route(...) {
  return missing("xendevicemodel_set_pci_link_route");
}

RINGSIDE_EXPORT int xendevicemodel_track_dirty_vram(...) {
  return missing("xendevicemodel_track_dirty_vram");
}

RINGSIDE_EXPORT int xendevicemodel_unmap_io_range_from_ioreq_server(...) {
  return missing("xendevicemodel_unmap_io_range_from_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_unmap_pcidev_from_ioreq_server(...) {
  return missing("xendevicemodel_unmap_pcidev_from_ioreq_server");
}

RINGSIDE_EXPORT int xendevicemodel_shutdown(...) {
  return missing("xendevicemodel_shutdown");
}

RINGSIDE_EXPORT int xendevicemodel_pin_memory_cacheattr(...) {
  return missing("xendevicemodel_pin_memory_cacheattr");
}

RINGSIDE_EXPORT int xendevicemodel_relocate_memory(...) {
  return missing("xendevicemodel_relocate_memory");
}

RINGSIDE_EXPORT int xendevicemodel_modified_memory_bulk(...) {
  return missing("xendevicemodel_modified_memory_bulk");
}

RINGSIDE_EXPORT int xendevicemodel_nr_vcpus(...) {
  return missing("xendevicemodel_nr_vcpus");
}

RINGSIDE_EXPORT int xendevicemodel_set_irq_level(...) {
  return missing("xendevicemodel_set_irq_level");
}
