/* exchange-sim: Binance's market data, simulated. Written from the exchange's documentation; shares only base/ and
 * market/ with the client, so that a wrong reading of the protocol cannot agree with itself.
 *
 * source (files or model) -> tape (what happens when) -> server (REST and WebSocket), driven by play (the clock);
 * scene (what goes wrong, and when) -> faults (what that means now) -> asked by all who serve, carried out by director. */
#include "base/log.h"
#include "market/random_market.h"
#include "sim/control.h"
#include "sim/director.h"
#include "sim/options.h"
#include "sim/play.h"
#include "sim/server.h"
#include "sim/source.h"
#include "sim/tape.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define MODEL_FROM_MS INT64_C(1767571200000) /* 2026-01-05, a Monday */
#define MODEL_SYMBOLS "40"
enum { EXIT_USAGE = 2, MAX_QUEUE_BYTES = 8 << 20 };

typedef struct simulator {
    options options;
    source *source;
    tape *tape;
    scene scene;
    faults *faults;
    random_faults random;
    director director;
    server *server;
    play play;
    control control;
    uv_loop_t loop;
    uv_signal_t on_int, on_term;
    bool was_stopped;
} simulator;

static err open_source(simulator *sim, diag *why);
static err open_tape(simulator *sim, diag *why);
static err open_scene(simulator *sim, diag *why);
static err open_server(simulator *sim, diag *why);
static void announce(simulator *sim);
static void report_end(const simulator *sim);
static void close_all(simulator *sim);

int main(int argc, char **argv) {
    static simulator sim;
    diag why = {{0}};
    err e = options_parse(argc, argv, &sim.options, &why);
    if (e != OK) {
        fprintf(stderr, "exchange-sim: %s\n", why.text);
        return EXIT_USAGE;
    }
    if (sim.options.wants_help) {
        fputs(options_help(), stdout);
        return EXIT_SUCCESS;
    }
    log_init(sim.options.level, sim.options.format);
    signal(SIGPIPE, SIG_IGN);
    e = open_source(&sim, &why);
    if (e == OK) e = open_tape(&sim, &why);
    if (e == OK) e = open_scene(&sim, &why);
    if (e == OK) e = open_server(&sim, &why);
    if (e == OK) {
        announce(&sim);
        director_step(&sim.director, tape_at_ms(sim.tape)); /* what is due at the start: before anybody is served */
        if (sim.options.starts_now) play_start(&sim.play, false);
        uv_run(&sim.loop, UV_RUN_DEFAULT);
        e = sim.play.error;
        if (e != OK) diag_set(&why, e, "playing: %s", error_text(e));
        if (e == OK) report_end(&sim);
        server_free(sim.server);
        uv_loop_close(&sim.loop);
    }
    faults_free(sim.faults);
    scene_free(&sim.scene);
    tape_free(sim.tape);
    source_free(sim.source);
    if (e != OK) fprintf(stderr, "exchange-sim: %s\n", why.text);
    return e == OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static err open_source(simulator *sim, diag *why) {
    const options *o = &sim->options;
    if (o->data) return source_open_files(o->data, o->symbols, &sim->source, why);
    return source_open_market(o->symbols ? o->symbols : MODEL_SYMBOLS, o->seed, &sim->source, why);
}

static int64_t first_bar_ms(const source *s) {
    int64_t first_ms = INT64_MAX;
    for (uint32_t i = 0; i < source_count(s); i++)
        if (source_at(s, i)->first_ms < first_ms) first_ms = source_at(s, i)->first_ms;
    return first_ms;
}

static err open_tape(simulator *sim, diag *why) {
    const options *o = &sim->options;
    int64_t from_ms = o->from_ms;
    if (from_ms == INT64_MIN) from_ms = o->data ? first_bar_ms(sim->source) : MODEL_FROM_MS;
    if (!o->data && from_ms < RANDOM_MARKET_FIRST_MS)
        return diag_set(why, ERR_INVALID, "--from is before 2024-01-01, when the model begins; expected a later time");
    err e = tape_new(sim->source, from_ms, o->to_ms, o->n_updates, &sim->tape);
    if (e != OK) return diag_set(why, e, "reading the bars around --from: %s", error_text(e));
    if (tape_next_ms(sim->tape) == INT64_MAX)
        return diag_set(why, ERR_NOT_FOUND,
                        "no symbol has a bar from --from to --to; expected a span that the data has");
    return OK;
}

static int64_t end_of_data_ms(const simulator *sim) {
    if (!sim->options.data || sim->options.to_ms != INT64_MAX) return sim->options.to_ms;
    int64_t end_ms = INT64_MIN;
    for (uint32_t i = 0; i < source_count(sim->source); i++)
        if (source_at(sim->source, i)->end_ms > end_ms) end_ms = source_at(sim->source, i)->end_ms;
    return end_ms;
}

static err open_scene(simulator *sim, diag *why) {
    const options *o = &sim->options;
    int64_t start_ms = tape_at_ms(sim->tape);
    err e = o->scene ? scene_read(o->scene, &sim->scene, why) : OK;
    if (e == OK) e = faults_new(&sim->scene, o->scene, o->seed, start_ms, sim->source, &sim->faults, why);
    if (e != OK) return e;
    if (o->has_faults)
        random_faults_init(&sim->random, o->faults_seed, o->faults_every_ms, start_ms, end_of_data_ms(sim), o->n_hosts);
    sim->director = (director){
        .faults = sim->faults, .random = o->has_faults ? &sim->random : NULL, .source = sim->source, .tape = sim->tape};
    director_prepare(&sim->director, &sim->scene);
    return OK;
}

/* ---- wiring ---- */

static int64_t now_ms(void *context) { return play_now_ms(&((simulator *)context)->play); }
static void on_contact(void *context) { play_start(&((simulator *)context)->play, true); }
static void on_listener(void *context) { play_wake(&((simulator *)context)->play); }
static void on_done(void *context) { close_all(context); }

static void on_control(void *context, const char *line) {
    simulator *sim = context;
    director_command(&sim->director, line, play_now_ms(&sim->play));
    play_wake(&sim->play);
}

static void on_signal(uv_signal_t *handle, int number) {
    simulator *sim = handle->data;
    log_info("main", "stopping on signal %d", number);
    sim->was_stopped = true;
    close_all(sim);
}

static err open_server(simulator *sim, diag *why) {
    uv_loop_init(&sim->loop);
    play_init(&sim->play, &sim->loop, sim->tape, sim->options.speed, sim->options.stands, on_done, sim);
    server_options wiring = {.host = sim->options.host,
                             .port = sim->options.port,
                             .n_hosts = sim->options.n_hosts,
                             .venue = sim->options.venue,
                             .takes_legacy_paths = sim->options.takes_legacy_paths,
                             .source = sim->source,
                             .tape = sim->tape,
                             .faults = sim->faults,
                             .ping_every_ms = sim->options.ping_every_ms,
                             .pong_within_ms = sim->options.pong_within_ms,
                             .max_queue_bytes = sim->options.speed == 0 ? 0 : MAX_QUEUE_BYTES,
                             .context = sim,
                             .now_ms = now_ms,
                             .on_contact = on_contact,
                             .on_listener = on_listener};
    err e = server_new(&sim->loop, &wiring, &sim->server, why);
    if (e != OK) return e;
    sim->director.server = sim->server;
    play_attach(&sim->play, sim->server, &sim->director, sim->options.stay_ms);
    if (sim->options.has_control && control_open(&sim->control, &sim->loop, on_control, sim) != OK)
        log_warn("main", "--control: stdin cannot be read; nothing can be said to the exchange");
    sim->on_int.data = sim->on_term.data = sim;
    uv_signal_init(&sim->loop, &sim->on_int);
    uv_signal_init(&sim->loop, &sim->on_term);
    uv_signal_start(&sim->on_int, on_signal, SIGINT);
    uv_signal_start(&sim->on_term, on_signal, SIGTERM);
    return OK;
}

/* Once; what a second signal or the end finds closing already it leaves alone. */
static void close_all(simulator *sim) {
    if (uv_is_closing((uv_handle_t *)&sim->on_int)) return;
    uv_close((uv_handle_t *)&sim->on_int, NULL);
    uv_close((uv_handle_t *)&sim->on_term, NULL);
    play_close(&sim->play);
    control_close(&sim->control);
    server_close(sim->server);
}

static void announce(simulator *sim) {
    printf("{\"event\":\"listening\",\"port\":%d,\"ports\":[", server_port(sim->server, 1));
    for (int host = 1; host <= sim->options.n_hosts; host++)
        printf("%s%d", host > 1 ? "," : "", server_port(sim->server, host));
    printf("],\"from\":%" PRId64 ",\"symbols\":%" PRIu32 ",\"market\":\"%s\",\"source\":\"%s\",\"pid\":%ld}\n",
           tape_at_ms(sim->tape), source_count(sim->source), sim->options.venue->name,
           sim->options.data ? "files" : "model", (long)getpid());
    fflush(stdout);
    log_info("main", "listening on %s port %d, %" PRIu32 " symbols", sim->options.host, server_port(sim->server, 1),
             source_count(sim->source));
}

static void report_end(const simulator *sim) {
    server_counts counts = server_count(sim->server);
    printf("{\"event\":\"%s\",\"at\":%" PRId64 ",\"bars\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"requests\":%" PRIu64
           ",\"connections\":%" PRIu64 ",\"slow_closed\":%" PRIu64 "}\n",
           sim->was_stopped ? "stopped" : "ended", tape_at_ms(sim->tape), tape_closed_count(sim->tape), counts.n_frames,
           counts.n_requests, counts.n_connections, counts.n_slow_closed);
    fflush(stdout);
}
