/* The head of a request: any bytes are taken, refused or not yet whole; what is refused stays refused with more behind it, what
 * is taken ends where it says and is the same whatever follows; its parts lie inside it. And what is found in its values: the
 * token in a list of subprotocols, the client's address, whether an origin may connect. */
#include "serve/request_head.h"
#include "serve/auth.h"
#include "serve/client_address.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

static bool lies_in(request_part part, const char *text, size_t bytes) {
    return !part.at || (part.at >= text && part.at + part.bytes <= text + bytes);
}

static char *copy_of(request_part part) {
    char *copy = malloc(part.bytes + 1);
    require(copy);
    memcpy(copy, part.at, part.bytes);
    copy[part.bytes] = 0;
    return copy;
}

static void look_into(const request_head *head) {
    static const char *const allowed[] = {"https://app.example.com"};
    client_address address;
    if (head->client_address.at)
        (void)client_address_parse(head->client_address.at, head->client_address.bytes, &address);
    char *host = copy_of(head->host);
    require(strlen(host) == head->host.bytes && *host);
    (void)auth_allows_origin(host, host, allowed, 1);
    if (head->subprotocols.at) {
        size_t bytes = 0;
        char *list = copy_of(head->subprotocols);
        const char *token = auth_find_subprotocol(list, &bytes);
        require(!token || (token >= list && token + bytes <= list + strlen(list) && bytes));
        require(!auth_allows_origin(list, host, NULL, 0) || !*list || strstr(list, "://"));
        token = auth_find_bearer(list, &bytes);
        require(!token || token + bytes == list + strlen(list));
        free(list);
    }
    free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const char *text = (const char *)data;
    request_head head, again;
    int status = request_head_parse(text, bytes, &head);
    require(status == 0 || status == 200 || (status >= 400 && status <= 505 && head.fault));
    if (status != 200) return 0;
    require(head.bytes >= 4 && head.bytes <= bytes && memcmp(text + head.bytes - 4, "\r\n\r\n", 4) == 0);
    require(lies_in(head.target, text, head.bytes) && lies_in(head.host, text, head.bytes) &&
            lies_in(head.subprotocols, text, head.bytes) && lies_in(head.subprotocols_name, text, head.bytes) &&
            lies_in(head.client_address, text, head.bytes));
    require(request_head_parse(text, head.bytes, &again) == 200 && again.bytes == head.bytes);
    require(request_head_parse(text, head.bytes - 1, &again) == 0);
    look_into(&head);
    return 0;
}
