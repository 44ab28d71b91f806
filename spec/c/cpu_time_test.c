/* The first line of /proc/stat. */
#include "base/cpu_time.h"
#include "spec/c/tap.h"

int main(void) {
    cpu_time t, here;
    ok(cpu_time_parse("cpu  100 20 30 4000 50 6 4 700 9 9\ncpu0 1 2", 100, &t) == OK && t.used_s == 1.6 &&
           t.steal_s == 7 && t.idle_s == 40.5,
       "used, refused, idle");
    ok(cpu_time_parse("cpu  100 20 30", 100, &t) == ERR_SYNTAX, "a kernel before steal was counted");
    ok(cpu_time_parse("intr 1", 100, &t) == ERR_SYNTAX && cpu_time_parse("", 100, &t) == ERR_SYNTAX,
       "another line, and none");
    ok(cpu_time_read(&here) == OK && here.used_s > 0, "this machine has done something");
    return done();
}
