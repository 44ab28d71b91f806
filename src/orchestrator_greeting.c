/* A log that is collected somewhere is no place for a token: there its file is named instead. */
#include "orchestrator_greeting.h"
#include "base/log.h"
#include "base/mount.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void orchestrator_greet(const orchestrator *o) {
    const char *host = o->cfg->host;
    bool is_local = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
    unsigned port = serve_port(o->serve);
    log_info("orchestrator", "listening on %s port %u; signals are kept in %s", host, port, o->cfg->data_dir);
    if (!mount_is_lasting_here(o->cfg->data_dir, getenv("FLY_MACHINE_ID") != NULL))
        log_warn("orchestrator", "%s is no volume: what is kept there ends with this container", o->cfg->data_dir);
    if (!is_local && !isatty(STDERR_FILENO)) {
        log_info("orchestrator", "the token for requests is in %s/token", o->cfg->data_dir);
        return;
    }
    log_info("orchestrator", "token: %s", o->token);
    log_info("orchestrator", "dashboard: http://127.0.0.1:%u/#%s", port, o->token);
    log_info("orchestrator", "try: curl -H 'Authorization: Bearer %s' http://127.0.0.1:%u/api/v1/signals", o->token,
             port);
}
