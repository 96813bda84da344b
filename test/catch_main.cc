// The main function of each test program, for the Catch2 that has none ready-made.
#define CATCH_CONFIG_MAIN
#include "test/catch.h"
