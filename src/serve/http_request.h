/* The inside of the HTTP interface: one request and what its resource does with it. Shared by http_api.c, which moves
 * requests along, http_routes.c, and the files of the resources; by nobody else.
 *
 * A handler makes `answer` at once, or it begins something that answers later: then the request waits, and lives until
 * http_request_resume, also when its connection is gone meanwhile.
 * Threads: the loop's. */
#pragma once
#include "serve/http_api.h"

typedef void (*handler_fn)(http_api *api, http_request_state *r);

enum { HTTP_NAME_BYTES = 64 };

struct http_request_state {
    struct lws *wsi; /* NULL: the connection is gone */
    bool is_waiting; /* for whoever will call http_request_resume */
    bool is_head, has_body, must_close;
    http_api *api;
    gate_ticket *ticket;          /* while the gate finds out who asks */
    handler_fn later;             /* what waits for the gate */
    handler_fn take_body;         /* while a body arrives: for when it is whole */
    char name[HTTP_NAME_BYTES];   /* the last part of a path that ends in one */
    char *body;                   /* not terminated */
    size_t body_bytes, body_room; /* room: as many as the request has announced */
    http_answer answer;
};

/* What it has waited for is there. False: nobody is there any more, and the request is gone; else `answer` is to be made, and
 * goes out after this. */
MUST_CHECK bool http_request_resume(http_request_state *r);
/* The same for what has failed with a sentence: a 503. False also when there was an error. */
MUST_CHECK bool http_request_resume_with(http_request_state *r, err error, const char *why);
/* The outcome of something that was asked of the daemon (providers.h): makes the answer, and resumes. */
serve_reply http_request_reply(http_request_state *r);
/* It waits for storage, which has taken the job, or the answer says why not. */
void http_request_await(http_request_state *r, err failed, const char *what);
/* A provider is not there: 501. */
void http_request_refuse(http_request_state *r);

/* What is read of storage: the first member of a job on the heap, which is freed afterwards. `run`, on the storage thread,
 * writes the body into `w`; ERR_NOT_FOUND becomes a 404 with its sentence. `job` NULL: there was no memory. */
typedef struct http_read {
    http_request_state *request;
    json_writer w;
} http_read;
void http_request_read(http_api *api, http_request_state *r, http_read *job, storage_job_fn run, const char *what);

/* A change has begun, and its outcome shows elsewhere: 202 with the text of `w`; or it could not, and `why` says so. */
void http_request_begun(http_request_state *r, err failed, const diag *why, json_writer *w);
