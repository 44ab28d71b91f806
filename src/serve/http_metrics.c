#include "serve/http_metrics.h"
#include "serve/metrics_text.h"

void http_metrics_answer(const serve_providers *providers, http_answer *a) {
    char *text = NULL;
    size_t bytes = 0;
    if (!providers->metrics) {
        http_answer_problem(a, 501, "there are no metrics here");
    } else if (providers->metrics(providers->context, &text, &bytes) != OK) {
        http_answer_problem(a, 503, "%s", error_text(ERR_NO_MEMORY));
    } else {
        *a = (http_answer){.status = 200, .type = METRICS_TEXT_TYPE, .body = text, .body_bytes = bytes};
    }
}
