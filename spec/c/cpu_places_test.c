/* base/cpu_places: what a thread is kept to is what the system says of it afterwards. */
#include "base/cpu_places.h"
#include "tap.h"
#include <sched.h>

static int count_mine(int *first) {
    cpu_set_t set;
    *first = -1;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET(cpu, &set)) *first = cpu;
    return CPU_COUNT(&set);
}

int main(void) {
    cpu_places all, one = {.n = 1, .cpu = {0}}, none = {0}, gone = {.n = 2, .cpu = {0, CPU_SETSIZE - 1}};
    int n, first, before;
    cpu_places_find(&all);
    before = count_mine(&first);
    ok(all.n == before && all.cpu[0] == first, "it finds the processors that it may use");
    ok(cpu_places_keep_worker(&one, 0) == OK && cpu_places_keep_others(&one) == OK &&
           cpu_places_keep_worker(&none, 3) == OK && count_mine(&first) == before,
       "with one processor or none nothing is said");
    ok(cpu_places_keep_others(&all) == OK, "the others are placed");
    n = count_mine(&first);
    ok(all.n < 2 ? n == all.n : n == all.n - 1 && first == all.cpu[0], "on all but the last processor");
    for (int32_t worker = 0; worker < all.n + 1 && all.n >= 2; worker++) {
        ok(cpu_places_keep_worker(&all, worker) == OK, "worker %d is placed", worker);
        n = count_mine(&first);
        ok(n == 1 && first == all.cpu[all.n - 1 - worker % all.n], "on one processor, counted from the last");
    }
    ok(cpu_places_leave(&all) == OK && count_mine(&first) == before, "it leaves its place again");
    ok(cpu_places_keep_worker(&gone, 0) == ERR_IO, "a processor that is not there is refused");
    return done();
}
