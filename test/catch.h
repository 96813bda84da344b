// Catch2, either of its two generations.
#pragma once

#ifdef RINGSIDE_FUZZ
// A fuzz target runs without Catch2: where a fixture requires something, it aborts.
#include "emu/base/check.h"
#define REQUIRE(...) RS_CHECK((__VA_ARGS__))
#define INFO(...)
#elif __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
