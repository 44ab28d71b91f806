#include "serve/client_address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { NETWORK_BYTES = 8, MAPPED_BYTES = 12 };

static const uint8_t MAPPED[MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static client_address of_v4(const void *four) {
    client_address a;
    memcpy(a.bytes, MAPPED, MAPPED_BYTES);
    memcpy(a.bytes + MAPPED_BYTES, four, 4);
    return a;
}

static client_address of_v6(const struct in6_addr *sixteen) {
    client_address a = {{0}};
    bool is_whole = IN6_IS_ADDR_V4MAPPED(sixteen) || IN6_IS_ADDR_LOOPBACK(sixteen);
    memcpy(a.bytes, sixteen, is_whole ? sizeof a.bytes : NETWORK_BYTES);
    return a;
}

client_address client_address_of(const struct sockaddr *peer) {
    if (peer->sa_family == AF_INET) return of_v4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    if (peer->sa_family == AF_INET6) return of_v6(&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr);
    return (client_address){{0}};
}

bool client_address_parse(const char *text, size_t bytes, client_address *out) {
    char copy[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr sixteen;
    if (bytes == 0 || bytes >= sizeof copy || memchr(text, 0, bytes)) return false;
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    if (inet_pton(AF_INET, copy, &four) == 1) {
        *out = of_v4(&four);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &sixteen) != 1) return false;
    *out = of_v6(&sixteen);
    return true;
}

bool client_address_equal(const client_address *a, const client_address *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool client_address_is_loopback(const client_address *a) {
    static const client_address six = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    if (memcmp(a->bytes, MAPPED, MAPPED_BYTES) == 0) return a->bytes[MAPPED_BYTES] == 127;
    return client_address_equal(a, &six);
}
