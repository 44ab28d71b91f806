/* What the daemon says of its use of the machine, against what the system says of this process. A sanitizer's own memory
 * would count, too. builds: release dev */
#include "base/memory_limit.h"
#include "orchestrator_metrics.h"
#include "spec/c/tap.h"
#include <sys/resource.h>
#include <unistd.h>

static const int64_t SECOND_NS = 1000000000;

static double cpu_ns(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

/* Works for at least that long by the process's own time. */
static void work(double ns) {
    volatile uint64_t sum = 0;
    for (double end = cpu_ns() + ns; cpu_ns() < end;)
        for (int i = 0; i < 10000; i++) sum += (uint64_t)i;
    (void)sum;
}

int main(void) {
    orchestrator_gauge g;
    double n_cpus = (double)sysconf(_SC_NPROCESSORS_ONLN), before, least, most;
    orchestrator_usage u;
    before = cpu_ns();
    orchestrator_gauge_init(&g, 5 * SECOND_NS);
    least = cpu_ns();
    work(200e6);
    least = cpu_ns() - least;
    u = orchestrator_gauge_read(&g, 6 * SECOND_NS);
    most = cpu_ns() - before;
    ok(u.cpu_pct >= least / 1e9 / n_cpus * 100 - 0.01 && u.cpu_pct <= most / 1e9 / n_cpus * 100 + 0.01,
       "the CPU time of a second over all vCPUs: %.2f %%", u.cpu_pct);
    u = orchestrator_gauge_read(&g, 7 * SECOND_NS);
    ok(u.cpu_pct < 200e6 / 1e9 / n_cpus * 100, "the next reading is of the next second alone: %.2f %%", u.cpu_pct);
    work(50e6);
    u = orchestrator_gauge_read(&g, 7 * SECOND_NS + 1000);
    ok(u.cpu_pct == 100, "more than all is all");
    u = orchestrator_gauge_read(&g, 7 * SECOND_NS + 1000);
    ok(u.cpu_pct == 0, "no time, no share");

    size_t bytes = 64 << 20;
    volatile char *taken = malloc(bytes);
    double pct = u.memory_pct, share = (double)bytes / (double)memory_limit_bytes() * 100;
    for (size_t i = 0; i < bytes; i += 4096) taken[i] = 1;
    u = orchestrator_gauge_read(&g, 8 * SECOND_NS);
    ok(pct > 0 && u.memory_pct <= 100 && u.memory_pct > pct + share * 0.9 && u.memory_pct < pct + share * 1.1,
       "64 MB more are %.2f %% more", u.memory_pct - pct);
    free((void *)taken);
    return done();
}
