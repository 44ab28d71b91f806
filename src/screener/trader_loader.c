/* See trader_loader.h. The job changes hands through `stage`: whoever sees it in his own stage owns it. */
#include "screener/trader_loader.h"
#include "base/log.h"
#include "base/queue.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef enum stage { STAGE_IDLE, STAGE_WORK, STAGE_DONE } stage;

struct trader_loader {
    registry *registry;
    watchdog *dog;
    script_limits limits;
    void (*notify)(void *context);
    void *context;
    pthread_t thread;
    bool is_started;
    wakeup *wake;
    _Atomic int stage, is_ending;
    load_job *job;
};

/* Compiles one trader of the job; the state is gone when it was over a limit, and another trader than this one may be
 * to blame: then that one has failed, and this one has still to be compiled. */
static bool load_one(trader_loader *l, guard *g, int32_t index, script_state **state) {
    load_job *job = l->job;
    diag why;
    int32_t guilty = index;
    err e = *state ? OK : script_state_new(l->registry, g, &l->limits, state, &job->diags[index]);
    if (e != OK) {
        job->failure = e;
        return true;
    }
    job->specs[index] = NULL;
    e = script_state_load(*state, index, job->sources[index], &job->specs[index], &why);
    if (e == OK) return true;
    if (script_state_is_dead(*state)) {
        guilty = script_state_guilty(*state);
        script_state_free(*state);
        *state = NULL;
    }
    trader_spec_free(job->specs[guilty]);
    job->specs[guilty] = NULL;
    job->diags[guilty] = why;
    return guilty == index;
}

/* All in one state, as they will run, until one of them costs it its life. */
static void load_all(trader_loader *l, guard *g) {
    script_state *state = NULL;
    for (int32_t i = 0; i < l->job->count && l->job->failure == OK && !atomic_load(&l->is_ending); i++)
        while (!load_one(l, g, i, &state)) continue;
    script_state_free(state);
}

static void *run(void *arg) {
    trader_loader *l = arg;
    guard *g = NULL;
    pthread_setname_np(pthread_self(), "loader");
    if (guard_attach(l->dog, &g) != OK) log_error("screener", "the loader of traders has no guard");
    while (!atomic_load(&l->is_ending)) {
        if (atomic_load(&l->stage) == STAGE_WORK) {
            if (g)
                load_all(l, g);
            else
                l->job->failure = ERR_FULL;
            atomic_store(&l->stage, STAGE_DONE);
            l->notify(l->context);
        }
        wakeup_wait(l->wake, -1);
    }
    guard_detach(g);
    return NULL;
}

err trader_loader_new(registry *r, watchdog *dog, const script_limits *limits, void (*notify)(void *context),
                      void *context, trader_loader **out) {
    trader_loader *l = calloc(1, sizeof *l);
    err e = l ? wakeup_new(&l->wake) : ERR_NO_MEMORY;
    if (e == OK) {
        l->registry = r;
        l->dog = dog;
        l->limits = *limits;
        l->notify = notify;
        l->context = context;
        if (pthread_create(&l->thread, NULL, run, l) != 0) e = ERR_IO;
    }
    if (e == OK) {
        l->is_started = true;
        *out = l;
    } else {
        trader_loader_free(l);
    }
    return e;
}

err trader_loader_submit(trader_loader *l, load_job *job) {
    if (atomic_load(&l->stage) != STAGE_IDLE) return ERR_FULL;
    l->job = job;
    atomic_store(&l->stage, STAGE_WORK);
    wakeup_notify(l->wake);
    return OK;
}

load_job *trader_loader_take(trader_loader *l) {
    if (atomic_load(&l->stage) != STAGE_DONE) return NULL;
    atomic_store(&l->stage, STAGE_IDLE);
    return l->job;
}

void trader_loader_free(trader_loader *l) {
    if (!l) return;
    atomic_store(&l->is_ending, 1);
    if (l->wake) wakeup_notify(l->wake);
    if (l->is_started) pthread_join(l->thread, NULL);
    wakeup_free(l->wake);
    free(l);
}
