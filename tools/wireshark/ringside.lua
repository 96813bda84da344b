-- Wireshark's view of a ringside journal: captures of `ringside view --pcap`, `ringside run --pcap` and
-- `ringside dump -w`. emu/trace/pcapng.h documents the packets' layout.
--
-- The dissector registers itself for the link type, so that no dialog is needed. Each packet contains its own data.
-- Across packets the dissector keeps only three things: which request a response answers, which slots were taken, and
-- the scenario's lines in force.

local header_bytes = 56
local slots = 8
local none8, none16 = 255, 65535
local lost = 1  -- bit of the markers

local kinds = {
  [0] = "slot written", "index moved", "event raised", "event taken", "frame passed", "bytes passed", "refused",
  "counted", "quirk", "told", "frame taken", "mask changed", "bytes written", "byte index moved",
  "byte index found", "bytes found",
}
local kind = {slot_written = 0, index_moved = 1, event_raised = 2, event_taken = 3, frame_passed = 4,
              bytes_passed = 5, refused = 6, counted = 7, quirk = 8, told = 9, frame_taken = 10,
              mask_changed = 11, bytes_written = 12, byte_index_moved = 13, byte_index_found = 14, bytes_found = 15}
local directions = {[0] = "neither", "down", "up"}
local rings = {[0] = "tx", "rx", "in", "out"}
local index_names = {[0] = "req_prod", "req_cons", "rsp_prod", "rsp_cons"}
-- The byte rings of today's console: the number of each ring, its bytes, and the places of its indices among the four.
local byte_rings = {[2] = {bytes = 1024, cons = 0, prod = 1}, [3] = {bytes = 2048, cons = 2, prod = 3}}
local byte_index_names = {[0] = "in_cons", "in_prod", "out_cons", "out_prod"}
local message_types = {
  [0] = "console", "blkif-be", "blkif-fe", "netif-be", "netif-fe", [6] = "shutdown", [7] = "mem-request",
  [8] = "usbif-be", [9] = "usbif-fe", [10] = "vcpu-hotplug", [11] = "debug",
}
local frame_types = {
  [0] = "connect-ctrl", "connect-data", "bye", "bind", "unbind", "virq-bind", "writelock", "new-cc", "free-cc",
  "request", "response", "virq", [77] = "mark", [82] = "numbers",
}
local frame_request, frame_response = 9, 10
local quirk_drop_when_full = 0
local results = {[0] = "ok", "failed", "areconnected", "badsession", "nosession", "coninuse", "badrequest"}
local outcomes = {[0] = "kick", "already pending", "masked", "already selected"}
local sources = {[0] = "channel", "virq", "pirq"}
local uses = {[0] = "request", "response"}

-- -- fields

local ringside = Proto("ringside", "ringside, a journal of the control channel")
local xcs = Proto("xcs", "xcs frame")
local cmsg = Proto("cmsg", "Control message")
local ring = Proto("ring", "Control ring")
local bytering = Proto("bytering", "Byte rings of today's console")
local evtchn = Proto("evtchn", "Event channel")

local f = {
  step = ProtoField.uint64("ringside.step", "Step"),
  time = ProtoField.double("ringside.time_ms", "Milliseconds since the journal's origin"),
  hop = ProtoField.string("ringside.hop", "Hop"),
  kind = ProtoField.uint8("ringside.kind", "Kind", base.DEC, kinds),
  direction = ProtoField.uint8("ringside.direction", "Direction", base.DEC, directions),
  dom = ProtoField.uint16("ringside.dom", "Domain"),
  from = ProtoField.string("ringside.from", "From"),
  to = ProtoField.string("ringside.to", "To"),
  text = ProtoField.string("ringside.text", "Sentence"),
  line = ProtoField.string("ringside.line", "Scenario line in force"),
  fault = ProtoField.string("ringside.fault", "Fault"),
  quirk = ProtoField.string("ringside.quirk", "Quirk"),
  refusal = ProtoField.string("ringside.refusal", "Refusal"),
  counter = ProtoField.string("ringside.counter", "Counter"),
  count = ProtoField.uint32("ringside.count", "Counts now"),
  told = ProtoField.string("ringside.told", "Told"),
  bytes = ProtoField.bytes("ringside.bytes", "Bytes"),
}
local x = {
  type = ProtoField.uint8("xcs.type", "Type", base.DEC, frame_types),
  result = ProtoField.uint32("xcs.result", "Result", base.DEC, results),
  session = ProtoField.uint32("xcs.session", "Session (its low 32 bits)", base.HEX),
  dom = ProtoField.uint16("xcs.dom", "Domain"),
  port = ProtoField.uint16("xcs.port", "Port"),
}
local m = {
  type = ProtoField.uint8("cmsg.type", "Type", base.DEC, message_types),
  subtype = ProtoField.uint8("cmsg.subtype", "Subtype"),
  id = ProtoField.uint8("cmsg.id", "Id"),
  length = ProtoField.uint8("cmsg.length", "Length"),
  payload = ProtoField.bytes("cmsg.payload", "Payload"),
  text = ProtoField.string("cmsg.text", "Payload as text"),
  behind = ProtoField.bytes("cmsg.behind", "Bytes after its length"),
}
local r = {
  name = ProtoField.string("ring.name", "Ring"),
  summary = ProtoField.string("ring.summary", "Ring and outstanding"),
  slot = ProtoField.uint8("ring.slot", "Slot"),
  use = ProtoField.uint8("ring.use", "Use", base.DEC, uses),
  index = ProtoField.string("ring.index", "Index moved"),
  from = ProtoField.uint32("ring.index.from", "From"),
  to = ProtoField.uint32("ring.index.to", "To"),
  outstanding = ProtoField.uint32("ring.outstanding", "Outstanding (req_prod - rsp_prod)"),
  request_in = ProtoField.framenum("ring.request_in", "Request in", base.NONE, frametype.REQUEST),
  response_in = ProtoField.framenum("ring.response_in", "Response in", base.NONE, frametype.RESPONSE),
  latency = ProtoField.double("ring.latency_us", "Microseconds from request to response"),
  indices = {
    [0] = ProtoField.uint32("ring.req_prod", "req_prod"), ProtoField.uint32("ring.req_cons", "req_cons"),
    ProtoField.uint32("ring.rsp_prod", "rsp_prod"), ProtoField.uint32("ring.rsp_cons", "rsp_cons"),
  },
}
local b = {
  name = ProtoField.string("bytering.name", "Ring"),
  at = ProtoField.uint32("bytering.at", "Index of the first byte"),
  place = ProtoField.uint32("bytering.place", "Its place in the ring"),
  found = ProtoField.bool("bytering.found", "Found, not done: the other end has done it"),
  index = ProtoField.string("bytering.index", "Index"),
  from = ProtoField.uint32("bytering.index.from", "From"),
  to = ProtoField.uint32("bytering.index.to", "To"),
  to_place = ProtoField.uint32("bytering.index.place", "To, as a place in the ring"),
  waiting = ProtoField.uint32("bytering.waiting", "Bytes that wait (prod - cons)"),
  indices = {
    [0] = ProtoField.uint32("bytering.in_cons", "in_cons"), ProtoField.uint32("bytering.in_prod", "in_prod"),
    ProtoField.uint32("bytering.out_cons", "out_cons"), ProtoField.uint32("bytering.out_prod", "out_prod"),
  },
}
local e = {
  port = ProtoField.uint16("evtchn.port", "Port"),
  pending = ProtoField.bool("evtchn.pending", "Was pending already"),
  mask = ProtoField.bool("evtchn.mask", "Mask"),
  outcome = ProtoField.uint8("evtchn.outcome", "Outcome", base.DEC, outcomes),
  source = ProtoField.uint8("evtchn.source", "For", base.DEC, sources),
  interrupt = ProtoField.uint32("evtchn.interrupt", "Number of the virq or pirq"),
}

local function values(fields)
  local list = {}
  for _, field in pairs(fields) do
    if type(field) == "table" then
      for _, inner in pairs(field) do list[#list + 1] = inner end
    else
      list[#list + 1] = field
    end
  end
  return list
end
ringside.fields, xcs.fields, cmsg.fields, ring.fields, bytering.fields, evtchn.fields =
  values(f), values(x), values(m), values(r), values(b), values(e)

local function warn(name, text) return ProtoExpert.new(name, text, expert.group.PROTOCOL, expert.severity.WARN) end
local function note(name, text) return ProtoExpert.new(name, text, expert.group.SEQUENCE, expert.severity.NOTE) end
local odd = {
  length = warn("cmsg.length.impossible", "Length above 60: a message holds no more"),
  outstanding = warn("ring.outstanding.impossible", "More than 8 outstanding: a faulty index"),
  waiting = warn("bytering.waiting.impossible", "More bytes wait than the ring holds: a faulty index"),
  unasked = warn("ring.response.unasked", "Response without a request"),
  mismatch = warn("ring.response.mismatch", "Response does not echo the request's type, subtype and id"),
  stale = warn("ring.stale", "Takes a slot that was not written since it was last taken"),
  dropped = warn("ringside.dropped", "Something was dropped"),
  refused = note("ringside.refused", "Something was refused"),
  quirk = note("ringside.quirk.bites", "A quirk of 2005 takes effect"),
  fault = note("ringside.fault.bites", "An injected fault"),
  unknown = warn("ringside.unknown", "The packet was made by another version, or is damaged"),
}
cmsg.experts = {odd.length}
bytering.experts = {odd.waiting}
ring.experts = {odd.outstanding, odd.unasked, odd.mismatch, odd.stale}
ringside.experts = {odd.dropped, odd.refused, odd.quirk, odd.fault, odd.unknown}

local interface_name = Field.new("frame.interface_name")
local comment = Field.new("frame.comment")

-- -- state across packets, by packet number, so that dissecting a packet again gives the same result

local open, taken, linked, stale, lines, in_force

function ringside.init()
  open = {}     -- request in a slot that has no response yet: "dom.ring.slot" -> {frame, time, type, subtype, id}
  taken = {}    -- "dom.ring.use.slot" -> true once its receiver has taken it
  linked = {}   -- packet -> {request = .., response = .., latency = .., unasked = .., mismatch = ..}
  stale = {}    -- packet -> how many
  lines = {}    -- packet -> the lines in force
  in_force = {}
end

local function slot_key(domain, which, slot) return domain .. "." .. which .. "." .. slot end

local function remember_slot(number, p)
  local key = slot_key(p.domain, p.ring, p.slot)
  local before = taken[key .. p.detail] ~= nil
  taken[key .. p.detail] = false
  if p.detail == 0 then
    open[key] = {frame = number, time = p.time, type = p.type, subtype = p.subtype, id = p.id}
    return
  end
  local request = open[key]
  open[key] = nil
  if request then
    linked[number] = {request = request.frame, latency = (p.time - request.time) / 1e3,
                      mismatch = request.type ~= p.type or request.subtype ~= p.subtype or request.id ~= p.id}
    linked[request.frame] = {response = number}
  elseif before or p.outstanding == 0 then
    linked[number] = {unasked = true}
  end
end

-- When a consumer index moves, the slots up to it have been taken.
local function remember_taken(number, p)
  local use = p.detail == 1 and 0 or p.detail == 3 and 1 or nil
  local count = (p.to - p.from) % 4294967296
  if not use then return end
  for at = 0, math.min(count, slots) - 1 do
    local key = slot_key(p.domain, p.ring, (p.from + at) % slots) .. use
    if taken[key] then stale[number] = (stale[number] or 0) + 1 end
    taken[key] = true
  end
end

local function remember(number, p)
  if #p.lines > 0 then in_force = p.lines end
  lines[number] = in_force
  if p.kind == kind.slot_written and p.slot < slots and p.detail <= 1 and p.type then remember_slot(number, p) end
  if p.kind == kind.index_moved then remember_taken(number, p) end
end

-- -- parts of a packet

local function printable(range)
  return (range:raw():gsub("[^\32-\126]", "."))
end

local function show_message(tree, range)
  local length = range(3, 1):uint()
  local used = math.min(length, 60)
  local its = tree:add(cmsg, range)
  its:add(m.type, range(0, 1))
  its:add(m.subtype, range(1, 1))
  its:add(m.id, range(2, 1))
  local length_item = its:add(m.length, range(3, 1))
  if length > 60 then length_item:add_proto_expert_info(odd.length) end
  if used > 0 then
    its:add(m.payload, range(4, used))
    its:add(m.text, range(4, used), printable(range(4, used)))
  end
  if used < 60 and range(4 + used):raw():find("[^%z]") then its:add(m.behind, range(4 + used)) end
  its:append_text(string.format(", %s id %d length %d", message_types[range(0, 1):uint()] or "unknown",
                                range(2, 1):uint(), length))
end

local function show_ring(tree, buffer, p, number)
  local its = tree:add(ring, buffer(40, 16))
  local name = string.format("dom%d.%s", p.domain, rings[p.ring] or "?")
  its:add(r.name, buffer(18, 1), name)
  its:add(r.summary, string.format("%s %s/%d", name, p.outstanding or "?", slots)):set_generated()
  if p.slot ~= none8 then its:add(r.slot, buffer(3, 1)) end
  if p.kind == kind.slot_written then its:add(r.use, buffer(17, 1)) end
  if p.kind == kind.index_moved then
    its:add(r.index, buffer(17, 1), index_names[p.detail] or "unknown")
    its:add_le(r.from, buffer(32, 4))
    its:add_le(r.to, buffer(36, 4))
  end
  for at = 0, 3 do
    if p.known[at] then its:add_le(r.indices[at], buffer(40 + 4 * at, 4)) end
  end
  if p.outstanding then
    local item = its:add(r.outstanding, buffer(40, 12), p.outstanding):set_generated()
    if p.outstanding > slots then item:add_proto_expert_info(odd.outstanding) end
  end
  local link = linked[number]
  if link then
    if link.request then its:add(r.request_in, link.request):set_generated() end
    if link.response then its:add(r.response_in, link.response):set_generated() end
    if link.latency then its:add(r.latency, link.latency):set_generated() end
    if link.unasked then its:add_proto_expert_info(odd.unasked) end
    if link.mismatch then its:add_proto_expert_info(odd.mismatch) end
  end
  if stale[number] then its:add_proto_expert_info(odd.stale) end
end

-- Both indices of a ring must be known for the number of bytes that wait.
local function show_byte_ring(tree, buffer, p)
  local its, which = tree:add(bytering, buffer(40, 16)), byte_rings[p.ring]
  local name = string.format("dom%d.%s", p.domain, rings[p.ring])
  local of_index = p.kind == kind.byte_index_moved or p.kind == kind.byte_index_found
  its:add(b.name, buffer(18, 1), name)
  its:add(b.found, buffer(16, 1), p.kind == kind.byte_index_found or p.kind == kind.bytes_found)
  if of_index then
    its:add(b.index, buffer(17, 1), byte_index_names[p.detail] or "unknown")
    its:add_le(b.from, buffer(32, 4))
    its:add_le(b.to, buffer(36, 4))
    its:add(b.to_place, buffer(36, 4), p.to % which.bytes):set_generated()
  else
    its:add_le(b.at, buffer(32, 4))
    its:add(b.place, buffer(32, 4), p.from % which.bytes):set_generated()
  end
  for at = 0, 3 do
    if p.known[at] then its:add_le(b.indices[at], buffer(40 + 4 * at, 4)) end
  end
  if not (p.known[which.cons] and p.known[which.prod]) then return end
  local waiting = (buffer(40 + 4 * which.prod, 4):le_uint() - buffer(40 + 4 * which.cons, 4):le_uint()) % 4294967296
  local item = its:add(b.waiting, buffer(40, 16), waiting):set_generated()
  if waiting > which.bytes then item:add_proto_expert_info(odd.waiting) end
  -- The column Ring of the profile.
  its:add(r.summary, string.format("%s %d/%d", name, waiting, which.bytes)):set_generated()
end

local function show_event(tree, buffer, p)
  local its = tree:add(evtchn, buffer(6, 2))
  if p.port ~= none16 then its:add_le(e.port, buffer(6, 2)) end
  if p.kind == kind.mask_changed then its:add(e.mask, buffer(17, 1), p.detail == 1) end
  if p.kind ~= kind.event_raised then return end
  its:add(e.outcome, buffer(17, 1))
  its:add(e.pending, buffer(17, 1), p.detail == 1)
  its:add_le(e.source, buffer(32, 1))
  if p.from ~= 0 then its:add_le(e.interrupt, buffer(36, 4)) end
end

local function show_frame(tree, buffer, p)
  local its = tree:add(xcs, buffer(16, 2))
  its:add(x.type, buffer(17, 1))
  its:add_le(x.dom, buffer(4, 2))
  if p.port ~= none16 then its:add_le(x.port, buffer(6, 2)) end
  its:append_text(", " .. (frame_types[p.detail] or "unknown"))
  if p.from > 0 then
    its:add(x.result, buffer(32, 4), p.from - 1)
    its:append_text(": " .. (results[p.from - 1] or "unknown"))
  end
  if p.detail <= 1 then its:add_le(x.session, buffer(36, 4)) end
end

-- Texts: refusals, counters, notes, and quirks.
local function show_text(tree, range, buffer, p)
  local text = printable(range)
  if p.kind == kind.refused then
    tree:add(f.refusal, range, text):add_proto_expert_info(odd.refused)
  elseif p.kind == kind.counted then
    local item = tree:add(f.counter, range, text)
    tree:add_le(f.count, buffer(36, 4))
    if p.marker == lost then item:add_proto_expert_info(odd.dropped) end
  elseif p.kind == kind.quirk then
    local item = tree:add(f.quirk, range, text)
    item:add_proto_expert_info(odd.quirk)
    if p.detail == quirk_drop_when_full then item:add_proto_expert_info(odd.dropped) end
  elseif p.marker ~= 0 then
    local item = tree:add(f.fault, range, text)
    item:add_proto_expert_info(odd.fault)
    if p.marker == lost then item:add_proto_expert_info(odd.dropped) end
  else
    tree:add(f.told, range, text)
  end
end

local function show_data(tree, range, buffer, p)
  if p.kind == kind.slot_written or p.kind == kind.frame_passed or p.kind == kind.frame_taken then
    if range:len() == 64 then show_message(tree, range) end
  elseif p.kind == kind.bytes_passed or p.kind == kind.bytes_written or p.kind == kind.bytes_found then
    tree:add(f.bytes, range)
    tree:add(m.text, range, printable(range)):set_generated()
  else
    show_text(tree, range, buffer, p)
  end
end

-- Parses a packet before anything is shown; nil if it is not a packet of ringside.
local function parse(buffer)
  if buffer:len() < header_bytes or buffer(0, 1):uint() ~= 1 then return nil end
  local p = {
    hop = buffer(1, 1):uint(), direction = buffer(2, 1):uint(), slot = buffer(3, 1):uint(),
    domain = buffer(4, 2):le_uint(), port = buffer(6, 2):le_uint(), kind = buffer(16, 1):uint(),
    detail = buffer(17, 1):uint(), ring = buffer(18, 1):uint(), data = buffer(20, 2):le_uint(),
    from_bytes = buffer(22, 1):uint(), to_bytes = buffer(23, 1):uint(), time = buffer(24, 8):le_int64():tonumber(),
    from = buffer(32, 4):le_uint(), to = buffer(36, 4):le_uint(), known = {}, lines = {},
  }
  p.text_at = header_bytes + p.data + p.from_bytes + p.to_bytes
  if p.text_at > buffer:len() then return nil end
  local known = buffer(19, 1):uint() % 16
  p.marker = math.floor(buffer(19, 1):uint() / 16)
  for at = 0, 3 do p.known[at] = math.floor(known / 2 ^ at) % 2 == 1 end
  if p.known[0] and p.known[2] and p.ring <= 1 then
    p.outstanding = (buffer(40, 4):le_uint() - buffer(48, 4):le_uint()) % 4294967296
  end
  if p.data == 64 and (p.kind == kind.slot_written or p.kind == kind.frame_passed) then
    p.type, p.subtype = buffer(header_bytes, 1):uint(), buffer(header_bytes + 1, 1):uint()
    p.id = buffer(header_bytes + 2, 1):uint()
  end
  for _, each in ipairs({comment()}) do
    p.lines[#p.lines + 1] = tostring(each.value):match("^line: (.*)")
  end
  return p
end

local function show_ringside(tree, buffer, p, names, number)
  local hop = interface_name()
  tree:add_le(f.step, buffer(8, 8))
  tree:add(f.time, buffer(24, 8), p.time / 1e6)
  tree:add(f.hop, buffer(1, 1), hop and tostring(hop.value) or "")
  tree:add(f.kind, buffer(16, 1))
  tree:add(f.direction, buffer(2, 1))
  tree:add_le(f.dom, buffer(4, 2))
  tree:add(f.from, buffer(header_bytes + p.data, p.from_bytes), names.from)
  if p.to_bytes > 0 then tree:add(f.to, buffer(header_bytes + p.data + p.from_bytes, p.to_bytes), names.to) end
  for _, line in ipairs(lines[number]) do tree:add(f.line, line):set_generated() end
end

local function text_of(buffer, at, size)
  return size > 0 and printable(buffer(at, size)) or ""
end

function ringside.dissector(buffer, pinfo, root)
  local p = parse(buffer)
  pinfo.cols.protocol = "ringside"
  local tree = root:add(ringside, buffer())
  if not p then
    tree:add_proto_expert_info(odd.unknown)
    pinfo.cols.info = "not a packet that this dissector knows"
    return
  end
  local number = pinfo.number
  if not pinfo.visited then remember(number, p) end
  local names = {
    from = text_of(buffer, header_bytes + p.data, p.from_bytes),
    to = text_of(buffer, header_bytes + p.data + p.from_bytes, p.to_bytes),
  }
  local sentence = text_of(buffer, p.text_at, buffer:len() - p.text_at)
  pinfo.cols.src = names.from
  pinfo.cols.dst = names.to
  pinfo.cols.info = sentence
  show_ringside(tree, buffer, p, names, number)
  if p.kind == kind.slot_written or p.kind == kind.index_moved then show_ring(root, buffer, p, number) end
  if byte_rings[p.ring] then show_byte_ring(root, buffer, p) end
  if p.kind == kind.event_raised or p.kind == kind.event_taken or p.kind == kind.mask_changed then show_event(root, buffer, p) end
  if p.kind == kind.frame_passed then show_frame(root, buffer, p) end
  if p.data > 0 then show_data(p.type and root or tree, buffer(header_bytes, p.data), buffer, p) end
  if sentence ~= "" then tree:add(f.text, buffer(p.text_at), sentence) end
  tree:append_text(string.format(", step %s: %s", tostring(buffer(8, 8):le_uint64()), sentence))
end

-- -- registration

local link_type = 147
ringside.prefs.link_type = Pref.uint("Link type", link_type, "The link type of the captures: 147 to 162, as given to --link-type")

local function register(number, add)
  if number < 147 or number > 162 then return end
  local captures = DissectorTable.get("wtap_encap")
  local encapsulation = wtap.USER0 + (number - 147)
  if add then captures:add(encapsulation, ringside) else captures:remove(encapsulation, ringside) end
end

register(link_type, true)

function ringside.prefs_changed()
  if ringside.prefs.link_type == link_type then return end
  register(link_type, false)
  link_type = ringside.prefs.link_type
  register(link_type, true)
end
