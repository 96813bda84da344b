#!/usr/bin/env python3
"""The check of the byte rings finds each barrier that is missing in ring/byte_ring.h, and other errors in it: a copy of the
header is changed, compiled into the plug-in, and checked. RINGSIDE names the program."""

import unittest

from changed_ring import MODELS, WEAK, both, check_found, check_holds, in_function, once

PLUGIN = "emu/check/plugins/byte_ring.cc"
HEADER = "ring/byte_ring.h"

FUNCTIONS = {"write": "void write(", "look": "std::size_t look(", "take": "void take(", "take_output": "Moved take_output(",
             "input_room": "std::size_t input_room(", "put_input": "Moved put_input("}
STORES = """    for (std::size_t i = 0; i < bytes.size(); ++i)
      Memory::store(&rings_->out[(out_prod_ + i) % sizeof rings_->out], bytes[i]);
"""
PUBLISHES = "    Memory::store(&rings_->out_prod, out_prod_ += static_cast<Index>(bytes.size()));\n"
OUTPUT, INPUT, HOSTILE, HOSTILE_GUEST = "output", "input", "a hostile daemon", "a hostile guest"


# What is wrong: the file, the change, the models that show it, and a scenario in which they do.
MUTANTS = {
    "write(): the first barrier is missing": (HEADER, in_function(FUNCTIONS["write"], "Memory::rmb();", ""), WEAK, "output with room for one byte"),
    "write(): the second barrier is missing": (HEADER, in_function(FUNCTIONS["write"], "Memory::wmb();", ""), WEAK, OUTPUT),
    "write(): a read barrier before the index": (HEADER, in_function(FUNCTIONS["write"], "Memory::wmb();", "Memory::rmb();"), WEAK, OUTPUT),
    "look(): the barrier is missing": (HEADER, in_function(FUNCTIONS["look"], "Memory::rmb();", ""), WEAK, INPUT),
    "take(): the barrier is missing": (HEADER, in_function(FUNCTIONS["take"], "Memory::wmb();", ""), WEAK, "input with room for one byte"),
    "take_output(): the first barrier is missing": (HEADER, in_function(FUNCTIONS["take_output"], "Memory::mb();", ""), WEAK, OUTPUT),
    "take_output(): the second barrier is missing": (
        HEADER, in_function(FUNCTIONS["take_output"], "    Memory::mb();\n    if", "    if"), WEAK, "output with room for one byte"),
    "input_room(): the barrier is missing": (HEADER, in_function(FUNCTIONS["input_room"], "Memory::mb();", ""), WEAK, "input with room for one byte"),
    "put_input(): the barrier is missing": (HEADER, in_function(FUNCTIONS["put_input"], "Memory::wmb();", ""), WEAK, INPUT),
    "xenconsoled believes any in_cons": (
        HEADER, in_function(FUNCTIONS["input_room"], "return waiting ? sizeof rings_->in - *waiting : 0;", "return sizeof rings_->in - (prod - cons);"), MODELS,
        HOSTILE_GUEST),
    "the index is published before the bytes": (
        HEADER, both(once(PUBLISHES, ""), once(STORES, "    const Index from = out_prod_;\n" + PUBLISHES + STORES.replace("(out_prod_ + i)", "(from + i)"))), MODELS, OUTPUT),
    "room for one byte too many": (HEADER, once("return sizeof rings_->out - *used;", "return sizeof rings_->out - *used + 1;"), MODELS, "output with room for one byte"),
    "the daemon's index is trusted": (HEADER, once("bytes <= ring_bytes ? std::optional(bytes) : std::nullopt", "std::optional(bytes)"), MODELS, HOSTILE),
    "a ring with one byte too many is possible": (HEADER, once("bytes <= ring_bytes ?", "bytes <= ring_bytes + 1 ?"), MODELS, HOSTILE),
    "the wrong place": (HEADER, in_function(FUNCTIONS["write"], "% sizeof rings_->out]", "% (sizeof rings_->out - 1)]"), MODELS, "output over the end of the array"),
    "one byte too few is awaited": (PLUGIN, once("front_.room() == out_bytes", "front_.room() == out_bytes - 1"), MODELS,
                                    "a guest that waits until all is taken"),
    "the event comes before the bytes": (
        PLUGIN, once("guest.put(1);\n    ring_check_notify(RING_CHECK_BACK);", "ring_check_notify(RING_CHECK_BACK);\n    guest.put(1);"), MODELS,
        "a guest that waits until all is taken"),
}


class ByteRings(unittest.TestCase):
    def test_they_hold_in_every_execution_under_every_model(self):
        check_holds(self, PLUGIN)

    def test_each_error_is_found_by_the_models_that_can_show_it_and_by_no_other(self):
        check_found(self, PLUGIN, MUTANTS)


if __name__ == "__main__":
    unittest.main()
