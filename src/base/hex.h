/* Bytes as hexadecimal digits. Pure. */
#pragma once
#include "abi.h"

/* Of one digit, upper or lower case; -1: it is none. */
int hex_value(char digit);
/* 2 * `count` digits in lower case, and a zero. */
void hex_write(const unsigned char *bytes, size_t count, char *out);
