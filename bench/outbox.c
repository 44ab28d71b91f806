/* outbox.commit: one pass with a signal, its event, its candles and its entries in the outbox, committed as the storage thread
 * does it; in the same run, taken in turns, what the disk itself takes for an fdatasync of as many bytes. */
#include "base/clock.h"
#include "bench/lib/figure.h"
#include "spec/c/passes.h"
#include "sync/local_db.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_WARM = 200, N_RUNS = 3000, N_BYTES = 16384, CHECKPOINT_EVERY = 256, N_SYMBOLS = 50 };

static char folder[] = "/tmp/trademind-bench-XXXXXX";

static void die(const char *what) {
    fprintf(stderr, "outbox: %s\n", what);
    exit(1);
}

/* As many candles as a signal has. */
static pass *make_pass(uint32_t n) {
    char symbol[SYMBOL_BYTES];
    candle bars[CANDLES_MAX];
    snprintf(symbol, sizeof symbol, "BENCH%uUSDT", n % N_SYMBOLS);
    pass *p = new_pass(symbol, n / N_SYMBOLS, 1);
    for (int i = 0; i < CANDLES_MAX; i++) {
        double price = 100 + (double)((n * 7 + (uint32_t)i * 13) % 1000) / 100;
        bars[i] = (candle){p->open_ms - (CANDLES_MAX - 1 - i) * (int64_t)PASS_BAR_MS,
                           price,
                           price + 0.5,
                           price - 0.25,
                           price + 0.125,
                           1234.5 + i};
    }
    must(pass_add_candles(p, bars, CANDLES_MAX));
    return p;
}

static double commit(local_db *db, uint32_t n) {
    diag why = {""};
    uint32_t n_new = 0;
    pass *p = make_pass(n);
    int64_t began = monotonic_ns();
    if (local_db_commit(db, &p, 1, &n_new, &why) != OK || n_new != 1) die(why.text);
    double us = (double)(monotonic_ns() - began) / 1e3;
    pass_release(p);
    if (n % CHECKPOINT_EVERY == 0 && local_db_checkpoint(db, &why) != OK)
        die(why.text); /* between bursts, as storage */
    return us;
}

static double sync_disk(int file) {
    static char bytes[N_BYTES];
    int64_t began = monotonic_ns();
    if (write(file, bytes, sizeof bytes) != sizeof bytes || fdatasync(file) != 0) die("cannot write");
    return (double)(monotonic_ns() - began) / 1e3;
}

/* What a signal takes on the disk while it waits. */
static void print_size(const char *path) {
    char name[96];
    struct stat status;
    snprintf(name, sizeof name, "%s/trademind.db", path);
    if (stat(name, &status) != 0) die("the database is gone");
    double bytes = (double)status.st_size / (N_WARM + N_RUNS);
    figure_print("outbox.size",
                 "the database file, per signal of the passes of outbox.commit, each with candles of its own bar", "B",
                 &bytes, 1);
}

static void run(bool sync_full, const char *name, const char *workload, bool has_peer) {
    static double commits[N_RUNS], syncs[N_RUNS];
    char path[64], probe[80];
    diag why = {""};
    local_db *db = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, sync_full ? "full" : "normal");
    local_db_config config = {.folder = path, .user_id = "bench", .has_cloud = true, .sync_full = sync_full};
    if (local_db_open(&config, &db, &why) != OK) die(why.text);
    snprintf(probe, sizeof probe, "%s/probe", path);
    int file = open(probe, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) die("cannot open a file");
    for (uint32_t n = 0; n < N_WARM; n++) (void)commit(db, n);
    for (uint32_t n = 0; n < N_RUNS; n++) {
        commits[n] = commit(db, N_WARM + n);
        syncs[n] = sync_disk(file);
    }
    close(file);
    local_db_close(db);
    if (has_peer) print_size(path);
    figure_print(name, workload, "us", commits, N_RUNS);
    if (has_peer)
        figure_print("outbox.commit.fdatasync",
                     "16 KB appended to a file beside it and synced, in turns with the commits", "us", syncs, N_RUNS);
}

int main(void) {
    char remove[64];
    if (!mkdtemp(folder)) die("no folder");
    run(false, "outbox.commit",
        "a pass with one signal, its event, 100 candles and two entries of the outbox; OUTBOX_SYNC=normal", true);
    run(true, "outbox.commit.full", "the same with OUTBOX_SYNC=full", false);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    return system(remove) == 0 ? 0 : 1;
}
