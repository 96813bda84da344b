// The fuzz targets: each takes any bytes, uses them as its file says, and aborts when a promise is broken.
#pragma once

#include "emu/host/host.h"

namespace ringside::fuzz {

void scenario(Bytes input);
void journal(Bytes input);
void plugin_table(Bytes input);
void ring_page(Bytes input);
void channel_page(Bytes input);
void hypercalls(Bytes input);
void xcs_frames(Bytes input);
void web_requests(Bytes input);

}  // namespace ringside::fuzz
