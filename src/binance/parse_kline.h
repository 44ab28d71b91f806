/* The short cut for the one message that comes thousands of times a second: a kline with the keys in the order in which
 * the exchange writes them, without white space. Whatever is not exactly so is left to the general reader
 * (parse_frame.c), which says the same of every text that this one takes.
 * Threads: none shared. Ownership: slices point into the caller's text. */
#pragma once
#include "binance/parse_frame.h"

/* True: `out` is what the general reader would have made of it. False: ask that one; `out` is undefined. */
bool parse_kline_quickly(const char *text, size_t bytes, parse_message *out);
