#include "serve/http_traders.h"
#include "serve/http_change.h"
#include "serve/http_query.h"
#include <stdlib.h>

/* ---- told ---- */

void http_traders_list(http_api *api, http_request_state *r) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_write_key(&w, "traders");
    json_write_array(&w);
    if (api->providers.traders) api->providers.traders(api->providers.context, &w);
    json_write_array_end(&w);
    json_write_object_end(&w);
    http_answer_json(&r->answer, 200, &w);
}

void http_traders_one(http_api *api, http_request_state *r) {
    if (api->providers.get_trader)
        api->providers.get_trader(api->providers.context, r->name, http_request_reply(r));
    else
        http_request_refuse(r);
}

static void write_errors(json_writer *w, const trader_error_list *errors) {
    json_write_object(w);
    json_write_key(w, "errors");
    json_write_array(w);
    for (size_t i = 0; i < errors->count; i++) trader_error_write_json(w, &errors->rows[i]);
    json_write_array_end(w);
    json_write_object_end(w);
}

static void on_errors(void *context, err error, const char *why, const trader_error_list *errors) {
    http_request_state *r = context;
    json_writer w;
    if (!http_request_resume_with(r, error, why)) return;
    json_writer_init(&w);
    write_errors(&w, errors);
    http_answer_json(&r->answer, 200, &w);
}

void http_traders_errors(http_api *api, http_request_state *r) {
    trader_error_filter filter;
    const char *problem = http_query_trader_errors(r->wsi, &filter);
    if (problem)
        http_answer_problem(&r->answer, 400, "%s", problem);
    else
        http_request_await(r, api->providers.query_trader_errors(api->providers.context, &filter, on_errors, r),
                           "errors");
}

/* ---- changed ---- */

void http_traders_change(http_api *api, http_request_state *r) {
    const serve_providers *p = &api->providers;
    char *json = NULL;
    json_writer w;
    diag why = {""};
    err failed = http_change_trader(r->body, r->body_bytes, &json, &why);
    if (!failed) failed = p->change_trader(p->context, r->name, json, &why);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", r->name);
    if (json) json_put_raw(&w, "change", json);
    json_write_object_end(&w);
    http_request_begun(r, failed, &why, &w);
    free(json);
}

/* What is in the body, or an answer that says what is wrong with it. `has_provider`: else there is nobody to ask. */
static bool take_draft(http_request_state *r, bool has_provider, http_draft_kind kind, http_draft *out) {
    diag why = {""};
    if (!has_provider) {
        http_request_refuse(r);
        return false;
    }
    err failed = http_change_draft(r->body, r->body_bytes, kind, out, &why);
    if (!failed) return true;
    http_answer_problem(&r->answer, failed == ERR_TOO_BIG ? 413 : failed == ERR_NO_MEMORY ? 503 : 400, "%s", why.text);
    return false;
}

void http_traders_create(http_api *api, http_request_state *r) {
    http_draft draft;
    if (!take_draft(r, api->providers.create_trader != NULL, HTTP_DRAFT_NEW, &draft)) return;
    api->providers.create_trader(api->providers.context, &draft.look.draft, http_request_reply(r));
    http_draft_deinit(&draft);
}

void http_traders_replace(http_api *api, http_request_state *r) {
    http_draft draft;
    if (!take_draft(r, api->providers.replace_trader != NULL, HTTP_DRAFT_EDITED, &draft)) return;
    api->providers.replace_trader(api->providers.context, r->name, &draft.look.draft, http_request_reply(r));
    http_draft_deinit(&draft);
}

void http_traders_remove(http_api *api, http_request_state *r) {
    if (api->providers.remove_trader)
        api->providers.remove_trader(api->providers.context, r->name, http_request_reply(r));
    else
        http_request_refuse(r);
}

/* ---- only tried ---- */

void http_traders_validate(http_api *api, http_request_state *r) {
    http_draft draft;
    if (!take_draft(r, api->providers.validate_trader != NULL, HTTP_DRAFT_ALONE, &draft)) return;
    api->providers.validate_trader(api->providers.context, &draft.look.draft, http_request_reply(r));
    http_draft_deinit(&draft);
}

void http_traders_look(http_api *api, http_request_state *r) {
    http_draft draft;
    if (!take_draft(r, api->providers.look != NULL, HTTP_DRAFT_LOOK, &draft)) return;
    api->providers.look(api->providers.context, &draft.look, http_request_reply(r));
    http_draft_deinit(&draft);
}
