/* A step is handed over through `stage`: whoever sees it in his own stage owns it. */
#include "orchestrator_lab.h"
#include "base/queue.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef enum stage { STAGE_IDLE, STAGE_WORK, STAGE_DONE } stage;

struct orchestrator_lab {
    pthread_t thread;
    wakeup *wake;
    uv_async_t done_async;
    _Atomic int stage, is_ending;
    void (*run)(lab_visitor *v);
    void (*done)(lab_visitor *v);
    lab_visitor *present; /* whose turn it is */
    lab_visitor *last;    /* whose turn it was at the end */
    lab_visitor *first;   /* who waits */
    int n_waiting;
    bool is_closing;
};

static void *work(void *context) {
    orchestrator_lab *l = context;
    pthread_setname_np(pthread_self(), "lab");
    while (!atomic_load(&l->is_ending)) {
        if (atomic_load(&l->stage) == STAGE_WORK) {
            l->run(l->present);
            atomic_store(&l->stage, STAGE_DONE);
            uv_async_send(&l->done_async);
        }
        wakeup_wait(l->wake, -1);
    }
    if (l->last) l->last->dispose(l->last);
    return NULL;
}

static void on_closed(uv_handle_t *handle) {
    orchestrator_lab *l = handle->data;
    wakeup_free(l->wake);
    free(l);
}

/* The thread has no step to run, so it ends at once. */
static void end(orchestrator_lab *l) {
    l->last = l->present;
    if (l->last) l->last->cancel(l->last);
    atomic_store(&l->is_ending, 1);
    wakeup_notify(l->wake);
    pthread_join(l->thread, NULL);
    uv_close((uv_handle_t *)&l->done_async, on_closed);
}

static void on_done(uv_async_t *async) {
    orchestrator_lab *l = async->data;
    if (atomic_load(&l->stage) != STAGE_DONE) return;
    atomic_store(&l->stage, STAGE_IDLE);
    if (l->is_closing)
        end(l);
    else
        l->done(l->present);
}

err orchestrator_lab_new(uv_loop_t *loop, orchestrator_lab **out) {
    orchestrator_lab *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    err e = wakeup_new(&l->wake);
    if (e == OK && pthread_create(&l->thread, NULL, work, l) != 0) e = ERR_IO;
    if (e != OK) {
        wakeup_free(l->wake);
        free(l);
        return e;
    }
    uv_async_init(loop, &l->done_async, on_done);
    l->done_async.data = l;
    *out = l;
    return OK;
}

static void take_next(orchestrator_lab *l) {
    lab_visitor *v = l->first;
    if (l->present || !v) return;
    l->first = v->next;
    l->n_waiting--;
    l->present = v;
    v->begin(v);
}

err orchestrator_lab_enter(orchestrator_lab *l, lab_visitor *v) {
    lab_visitor **end_of_list = &l->first;
    if (l->is_closing) return ERR_CLOSED;
    if (l->n_waiting == LAB_WAITING_MAX) return ERR_FULL;
    while (*end_of_list) end_of_list = &(*end_of_list)->next;
    v->next = NULL;
    *end_of_list = v;
    l->n_waiting++;
    take_next(l);
    return OK;
}

void orchestrator_lab_step(orchestrator_lab *l, void (*run)(lab_visitor *v), void (*done)(lab_visitor *v)) {
    l->run = run;
    l->done = done;
    atomic_store(&l->stage, STAGE_WORK);
    wakeup_notify(l->wake);
}

void orchestrator_lab_leave(orchestrator_lab *l) {
    l->present = NULL;
    take_next(l);
}

void orchestrator_lab_close(orchestrator_lab *l) {
    if (!l) return;
    l->is_closing = true;
    while (l->first) {
        lab_visitor *v = l->first;
        l->first = v->next;
        v->cancel(v);
        v->dispose(v);
    }
    if (atomic_load(&l->stage) == STAGE_IDLE) end(l); /* else behind its step */
}
