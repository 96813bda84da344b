// The main function of each test program, for the generation of Catch2 that has none.
#define CATCH_CONFIG_MAIN
#include "test/catch.h"
