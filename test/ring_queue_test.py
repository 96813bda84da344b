#!/usr/bin/env python3
"""The check of the queue holds in all its shapes, and finds each barrier that is missing in ring/queue.h or ring/sleep_flag.h, and
other errors: a copy of the header is changed, compiled into the plug-in, and checked. RINGSIDE names the program."""

import unittest

from changed_ring import BUFFERED, MODELS, WEAK, check_found, check_holds, in_function, once

PLUGIN = "emu/check/plugins/own_queue.cc"
QUEUE, FLAG = "ring/queue.h", "ring/sleep_flag.h"
SHAPES = [(padded, cached) for padded in (0, 1) for cached in (0, 1)]
MESSAGES, BATCHES, SLEEPS, BOTH_SLEEP = "messages", "batches", "a consumer that sleeps", "both ends sleep"


def defines(padded, cached):
    return f"-DPADDED={padded}", f"-DCACHED={cached}"


MUTANTS = {
    "publish(): the barrier is missing": (QUEUE, in_function("void publish(", "Memory::wmb();", ""), WEAK, MESSAGES),
    "publish(): a read barrier": (QUEUE, in_function("void publish(", "Memory::wmb();", "Memory::rmb();"), WEAK, MESSAGES),
    "look(): the barrier is missing": (QUEUE, in_function("std::uint32_t look(Distance", "Memory::rmb();", ""), WEAK, MESSAGES),
    "the index is published before the slot": (
        QUEUE, in_function("bool put(", "    std::memcpy", "    End::publish(1), End::index_ -= 1;\n    std::memcpy"), MODELS, MESSAGES),
    "the index is published before the slots of a batch": (
        QUEUE, in_function("std::uint32_t put_many(", "    const std::uint32_t at_once",
                           "    if (count != 0) End::publish(count), End::index_ -= count;\n    const std::uint32_t at_once"),
        MODELS, BATCHES),
    "the slot is freed before it is read": (
        QUEUE, in_function("bool take(", "    std::memcpy", "    End::publish(1), End::index_ -= 1;\n    std::memcpy"), MODELS, MESSAGES),
    "the slots of a batch are freed before they are read": (
        QUEUE, in_function("std::uint32_t take_many(", "    const std::uint32_t at_once",
                           "    if (count != 0) End::publish(count), End::index_ -= count;\n    const std::uint32_t at_once"),
        MODELS, BATCHES),
    "room for one message too many": (QUEUE, once("return End::at_fault_ ? 0 : Queue::slots - used;", "return Queue::slots - used + 1;"), MODELS, MESSAGES),
    "an impossible index is kept": (QUEUE, once("if (!at_fault_) peer_index_ = found;", "peer_index_ = found;"), MODELS, "a hostile"),
    "the producer's first look is at its own index": (QUEUE, once("End::peer_index_ = End::index_ - Queue::slots;", "End::peer_index_ = End::index_;"),
                                                      MODELS, "messages with room for one"),
    "a batch does not go on at the beginning": (
        QUEUE, in_function("std::uint32_t put_many(", "End::slot(End::index_ + at_once), messages", "End::slot(End::index_), messages"), MODELS, BATCHES),
    "any index of the peer is believed": (QUEUE, once("at_fault_ = messages(found) > Queue::slots;", "at_fault_ = false;"), MODELS, "a hostile"),
    "one message too many is possible": (QUEUE, once("messages(found) > Queue::slots;", "messages(found) > Queue::slots + 1;"), MODELS, "a hostile"),
    "the wrong slot": (QUEUE, once("&queue_->slot[index & (Queue::slots - 1)]", "&queue_->slot[(index + (index == 0)) & (Queue::slots - 1)]"), MODELS, "messages over the end of the index"),
    "must_wake(): the barrier is missing": (FLAG, in_function("bool must_wake(", "Memory::mb();", ""), BUFFERED, SLEEPS),
    # On Armv8 the language's release fence is dmb ish, a full barrier.
    "must_wake(): a write barrier": (FLAG, in_function("bool must_wake(", "Memory::mb();", "Memory::wmb();"), ["tso", "c11"], SLEEPS),
    "begin_sleep(): the barrier is missing": (FLAG, in_function("void begin_sleep(", "Memory::mb();", ""), BUFFERED, SLEEPS),
    "the receiver does not look again": (QUEUE, in_function("bool may_sleep() {\n    End::own_sleep_.begin_sleep();\n    if (look() == 0)", "look() == 0", "true"), MODELS, SLEEPS),
    "the producer does not look again": (QUEUE, once("look() == Queue::slots || End::at_fault_", "true"), MODELS, BOTH_SLEEP),
    "the receiver looks, and then says that it sleeps": (
        QUEUE, in_function("bool may_sleep() {\n    End::own_sleep_.begin_sleep();\n    if (look() == 0)",
                           "    End::own_sleep_.begin_sleep();\n    if (look() == 0) return true;",
                           "    if (look() == 0) return End::own_sleep_.begin_sleep(), true;"), MODELS, SLEEPS),
    "the sender asks before it publishes": (PLUGIN, once("""    while (!put()) {
      if (producer_.may_sleep()) ring_check_wait(RING_CHECK_FRONT);
    }
    if (producer_.must_wake()) ring_check_notify(RING_CHECK_BACK);
""", """    if (producer_.must_wake()) ring_check_notify(RING_CHECK_BACK);
    while (!put()) {
      if (producer_.may_sleep()) ring_check_wait(RING_CHECK_FRONT);
    }
"""), MODELS, SLEEPS),
}


class OwnQueue(unittest.TestCase):
    def test_every_shape_holds_in_every_execution_under_every_model(self):
        for shape in SHAPES:
            with self.subTest(shape):
                check_holds(self, PLUGIN, defines(*shape))

    def test_each_error_is_found_by_the_models_that_can_show_it_and_by_no_other(self):
        check_found(self, PLUGIN, MUTANTS, defines(1, 1))


if __name__ == "__main__":
    unittest.main()
