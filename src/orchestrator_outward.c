#include "orchestrator_outward.h"
#include "base/log.h"
#include "orchestrator_prometheus.h"
#include "orchestrator_status.h"
#include <string.h>

static const char *rules_of(void *context, const char *trader_id) {
    const orchestrator *o = context;
    const trader_set *set = screener_traders(o->screener);
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->id, trader_id) == 0) return set->traders[i]->spec->notify;
    return NULL;
}

/* In the cloud the owner has said so beside the script. */
static void silence(void *context, const char *trader_id, notice_rule *rule) {
    const orchestrator *o = context;
    const trader_row *row = o->cloud_traders ? orchestrator_cloud_traders_find(o->cloud_traders, trader_id) : NULL;
    if (row) notice_rule_silence(rule, row->tells_signals, row->tells_analyses);
}

err orchestrator_outward_open_notify(orchestrator *o, diag *why) {
    orchestrator_notify_config nc = {.cfg = o->cfg,
                                     .loop = &o->loop,
                                     .clock = &o->clock,
                                     .symbols = o->symbols,
                                     .storage = o->storage,
                                     .market = venue_get(o->cfg->market)->name,
                                     .rules_of = rules_of,
                                     .silence = silence,
                                     .context = o};
    return orchestrator_notify_new(&nc, &o->notify, why);
}

void orchestrator_outward_open_metrics(orchestrator *o) {
    metrics_listener_config mc = {.host = o->cfg->host,
                                  .port = (uint16_t)o->cfg->metrics_port,
                                  .write = orchestrator_prometheus_write,
                                  .context = o};
    diag why;
    if (metrics_listener_open(&o->loop, &mc, &o->metrics, &why) == OK)
        log_info("orchestrator", "metrics: http://%s:%u/metrics", o->cfg->host, metrics_listener_port(o->metrics));
    else
        log_warn("orchestrator", "no metrics on METRICS_PORT: %s", why.text);
}

err orchestrator_outward_open_heartbeat(orchestrator *o, diag *why) {
    orchestrator_heartbeat_config hc = {.loop = &o->loop,
                                        .url = o->cfg->heartbeat_url,
                                        .interval_ms = o->cfg->heartbeat_interval_s * 1000,
                                        .is_well = orchestrator_status_is_well,
                                        .context = o};
    if (!hc.url || !*hc.url) return OK;
    err e = orchestrator_heartbeat_new(&hc, &o->heartbeat);
    return e == OK ? OK : diag_set(why, e, "out of memory");
}
