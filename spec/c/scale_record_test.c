/* What the scaler remembers beyond a restart: read as it was written, and begun anew when it is not whole. */
#include "orchestrator_scale_file.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/trademind-scale-XXXXXX", path[64];

static void put(const char *text) {
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) exit(1);
}

int main(void) {
    scaler_policy policy;
    scale_record r = {.nonce = "n0nce", .before = {1, 256}, .target = {4, 1024}}, back;
    random_state = tap_seed(5);
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/scale.json", folder);
    ok(scale_record_read(folder, &back) == ERR_NOT_FOUND, "nothing at first");
    scaler_policy_init(&policy);
    scaler_init(&r.history, &policy, (scaler_size){1, 256}, INT64_C(1772409600000));
    for (int i = 1; i <= 3000; i++) {
        scaler_sample s = {.at_ms = INT64_C(1772409600000) + i * INT64_C(60000),
                           .span_ms = 60000,
                           .used = uniform() / 10,
                           .demand = uniform() / 5};
        scaler_note(&r.history, &policy, &s);
    }
    scaler_resized(&r.history, &policy, (scaler_size){4, 1024}, r.history.spent_by_ms);
    ok(scale_record_write(folder, &r) == OK && scale_record_read(folder, &back) == OK, "written, and read");
    ok(memcmp(r.history.hour_load, back.history.hour_load, sizeof r.history.hour_load) == 0 &&
           back.history.hour == r.history.hour && back.history.first_hour == r.history.first_hour,
       "the hours, to the last bit");
    ok(back.history.size.cpus == 4 && back.history.size.memory_mb == 1024 && back.history.n_today == 1 &&
           back.history.day == r.history.day && back.history.resized_ms == r.history.resized_ms &&
           back.history.spent_usd == r.history.spent_usd && back.history.spent_by_ms == r.history.spent_by_ms &&
           back.history.month_from_ms == r.history.month_from_ms,
       "size, changes, money");
    ok(strcmp(back.nonce, "n0nce") == 0 && back.before.cpus == 1 && back.target.cpus == 4 &&
           back.target.memory_mb == 1024,
       "the change under way");
    ok(back.history.n_recent == 0, "no samples: they are of another machine");
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"version\":2}",
                                      "{\"version\":1,\"size\":{\"cpus\":0,\"memory_mb\":256}}",
                                      "{\"version\":1,\"size\":{\"cpus\":1,\"memory_mb\":256},\"hours\":[1]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(bad[i]);
        ok(scale_record_read(folder, &back) == ERR_DAMAGED, "damaged: %s", bad[i]);
    }
    ok(scale_record_write("/nonexistent", &r) == ERR_IO, "a folder that is not there");
    unlink(path);
    rmdir(folder);
    return done();
}
