#include "cli/verbs.h"

#include <signal.h>

/* A peer that closes its end of a socket or pipe is an error of that write, not the end of the process. */
int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    return verbs_main(argc, argv);
}
