/* Asking Fly, Supabase and the machine itself one question after the other, as one reads: each call returns with its answer.
 *
 * Provisioning is a chain of a dozen calls with nothing beside them; a loop of its own turns while one is under way.
 * Threads: the thread that opened it; many dialogues may be used by many threads. Ownership: answers are the caller's
 * (dialogue_answer_deinit). */
#pragma once
#include "scale/fly_machines.h"

typedef struct dialogue_config {
    const char *fly_url, *fly_token; /* as of fly_machines_config */
    const char *supabase_url, *supabase_key;
} dialogue_config;

typedef struct dialogue_answer {
    fly_outcome outcome; /* Supabase's answers are told in the same words */
    int status;
    json_t *body; /* NULL: none */
    char why[256];
} dialogue_answer;

typedef struct dialogue dialogue;

MUST_CHECK err dialogue_open(const dialogue_config *config, dialogue **out, diag *why);
/* `request` without on_done and context. */
void dialogue_fly(dialogue *d, const fly_request *request, dialogue_answer *out);
/* `query` as of PostgREST; at most one row, and that is the body: NULL when there is none. */
void dialogue_select(dialogue *d, const char *table, const char *query, dialogue_answer *out);
/* The rows of `filter` get `changes`; the body is the first one's id: NULL when there is none. */
void dialogue_update(dialogue *d, const char *table, const char *filter, const char *changes, dialogue_answer *out);
void dialogue_insert(dialogue *d, const char *table, const char *row, dialogue_answer *out);
/* `name` of rpc; the body is its answer, of several rows the first. */
void dialogue_call(dialogue *d, const char *name, const char *arguments, dialogue_answer *out);
/* HTTP status of a GET; 0: no answer. */
int dialogue_get(dialogue *d, const char *url, int64_t timeout_ms);
void dialogue_wait(dialogue *d, int64_t ms);
void dialogue_close(dialogue *d);

void dialogue_answer_deinit(dialogue_answer *a);
