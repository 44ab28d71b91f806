#include "screener/pass.h"
#include <stdlib.h>

void pass_free(pass *p) {
    if (!p) return;
    for (uint32_t i = 0; i < p->n_signals; i++) signal_row_deinit(&p->signals[i]);
    for (uint32_t i = 0; i < p->n_epochs; i++) free(p->epochs[i].key);
    free(p->signals);
    free(p->edges);
    free(p->owed);
    free(p->epochs);
    free(p->settles);
    free(p);
}
