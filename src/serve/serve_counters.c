#include "serve/serve_counters.h"

void serve_counters_write(json_writer *w, const listener_stats *l, const gate_stats *g, const channel_stats *c) {
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"connections", l->n_connections},
        {"accepted", l->n_accepted},
        {"requests", l->n_requests},
        {"refusedFull", l->n_refused_full},
        {"refusedAddress", l->n_refused_address},
        {"refusedRate", l->n_refused_rate},
        {"badHeads", l->n_bad_heads},
        {"lateHeads", l->n_late},
        {"goneBeforeRequest", l->n_gone},
        {"putOut", l->n_put_out},
        {"byMachineToken", g->n_machine},
        {"byUserToken", g->n_users},
        {"refusedTokens", g->n_refused},
        {"wrongTokens", g->n_wrong},
        {"refusedClaims", g->n_claims},
        {"unsignedTokens", g->n_unsigned},
        {"unknownKeys", g->n_unknown_key},
        {"uncheckedTokens", g->n_unavailable},
        {"keyFetches", g->n_fetches},
        {"keyFetchFailures", g->n_fetch_failures},
        {"userQuestions", g->n_questions},
        {"userQuestionFailures", g->n_question_failures},
        {"userQuestionsHeldBack", g->n_held_back},
        {"clients", c->n_clients},
        {"refusedClients", c->n_refused},
        {"malformedMessages", c->n_malformed},
        {"slowClients", c->n_slow},
        {"fastClients", c->n_fast},
        {"expiredClients", c->n_expired},
        {"renewedTokens", c->n_renewed},
        {"pushed", c->n_pushed},
        {"replayed", c->n_replayed},
        {"dropped", c->n_dropped},
    };
    json_write_object(w);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        json_put_integer(w, counters[i].name, (int64_t)counters[i].value);
    json_write_object_end(w);
}
