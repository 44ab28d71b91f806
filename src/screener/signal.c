#include "screener/signal.h"
#include <stdlib.h>

void signal_row_deinit(signal_row *s) {
    if (!s) return;
    free(s->conditions);
    free(s->tags);
    s->conditions = s->tags = NULL;
}
