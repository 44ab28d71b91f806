/* Requests to the provisioner: any bytes, whole or in part. A status of the list, and parts within the text. */
#include "provision/api.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(http_part p, const char *text, size_t bytes) {
    if (p.bytes && (p.at < text || p.at + p.bytes > text + bytes)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char *text = malloc(bytes + 1); /* of its own size, so that a byte too far is noticed */
    http_call call;
    api_task task;
    diag why;
    int code = 0;
    if (!text) return 0;
    memcpy(text, data, bytes);
    int status = http_call_parse(text, bytes, &call);
    static const int known[] = {0, 200, 400, 411, 413, 431, 501, 505};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) is_known = is_known || status == known[i];
    if (!is_known) abort();
    if (status == 200) {
        const http_part parts[] = {call.method, call.path, call.query, call.authorization, call.origin, call.body};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) check(parts[i], text, bytes);
        err e = api_route(&call, "6f2d1c1e-0000-4000-8000-00000000000a", &task, &code, &why);
        if (e == OK && strcmp(task.user, "6f2d1c1e-0000-4000-8000-00000000000a") != 0) abort();
        if (e == OK && (task.cpus < 1 || task.cpus > 8)) abort();
    }
    free(text);
    return 0;
}
