/* Where a client comes from, as limits count it: an IPv4 address, or the /64 of an IPv6 one, which one household has whole.
 * Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct client_address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d; all zero: unknown */
} client_address;

client_address client_address_of(const struct sockaddr *peer);
/* False: it is no address. */
bool client_address_parse(const char *text, size_t bytes, client_address *out);
bool client_address_equal(const client_address *a, const client_address *b);
/* 127.0.0.0/8, ::1: this machine itself. */
bool client_address_is_loopback(const client_address *a);
