#include "screener/signal.h"
#include <stdlib.h>

void signal_row_deinit(signal_row *s) {
    if (!s) return;
    free(s->conditions);
    free(s->tags);
    free(s->values);
    free(s->plots);
    s->conditions = s->tags = s->values = s->plots = NULL;
}
