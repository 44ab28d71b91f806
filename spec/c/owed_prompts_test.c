/* Prompts that are owed come out in the order in which they went in, however often the ring has grown or gone round. */
#include "base/clock.h"
#include "screener/owed_prompts.h"
#include "spec/c/tap.h"

enum { MANY = 100000 };

int main(void) {
    owed_prompts o = {0};
    owed_prompt one = {0};
    uint64_t dice = tap_seed((uint64_t)wall_ms());
    int64_t n_in = 0, n_out = 0;
    bool is_in_order = true;
    ok(!owed_prompts_take(&o, &one), "there is none at first");
    while (n_out < MANY) {
        bool fills = n_in < MANY &&
                     (n_in == n_out || ((dice = dice * 6364136223846793005u + 1442695040888963407u) >> 33) % 100 < 53);
        if (fills) {
            one.open_ms = one.owed_ns = n_in++;
            if (owed_prompts_add(&o, &one) != OK) break;
        } else {
            if (!owed_prompts_take(&o, &one)) break;
            is_in_order = is_in_order && one.open_ms == n_out++;
        }
        is_in_order = is_in_order && o.count == n_in - n_out &&
                      owed_prompts_since_ns(&o) == (o.count ? n_out : INT64_MAX); /* the oldest one's */
    }
    ok(is_in_order && n_out == MANY, "%lld of %d in their order, room for %u in the end", (long long)n_out, MANY,
       o.room);
    ok(o.room > 64, "the ring has grown");
    ok(!owed_prompts_take(&o, &one), "none is left");
    owed_prompts_deinit(&o);
    return done();
}
