/* See folder_watch.h.
 *
 *     events of the kernel ──► settle (starts again with each event) ──► on_change
 *     look (every second): is the folder of that name still the one that is watched? no: watch the other one ──► settle
 *
 * The look is what notices that a link points elsewhere, or that a folder is back: no event tells of these. */
#include "base/folder_watch.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SETTLE_MS = 100, SETTLE_MOST_MS = 1000, LOOK_MS = 1000, N_HANDLES = 3 };

struct folder_watch {
    uv_fs_event_t event;
    uv_timer_t settle, look;
    void (*on_change)(void *context);
    void *context;
    char *path;
    bool is_watching, is_there;
    bool has_moved; /* the folder itself was deleted or renamed: the one of that name now may have the same number */
    dev_t device;
    ino_t number;
    uint64_t first_ms; /* of the events that wait; 0: none */
    int n_open;
    log_repeater failures;
};

static void on_settled(uv_timer_t *timer) {
    folder_watch *w = timer->data;
    w->first_ms = 0;
    w->on_change(w->context);
}

/* A writer that never rests is not waited for longer than a second. */
static void touch(folder_watch *w) {
    uint64_t now_ms = uv_now(w->settle.loop), wait_ms = SETTLE_MS;
    if (!w->first_ms) w->first_ms = now_ms;
    if (now_ms + wait_ms > w->first_ms + SETTLE_MOST_MS) wait_ms = 0;
    uv_timer_start(&w->settle, on_settled, wait_ms, 0);
}

static bool is_own_name(const folder_watch *w, const char *name) {
    const char *slash = strrchr(w->path, '/');
    return name && strcmp(name, slash ? slash + 1 : w->path) == 0;
}

/* What happens to the folder itself comes under its own name. */
static void on_event(uv_fs_event_t *event, const char *name, int events, int status) {
    folder_watch *w = event->data;
    if (status != 0 || ((events & UV_RENAME) && is_own_name(w, name))) w->has_moved = true;
    touch(w);
}

static void stop_watching(folder_watch *w) {
    if (w->is_watching) uv_fs_event_stop(&w->event);
    w->is_watching = w->has_moved = false;
}

static void start_watching(folder_watch *w, const struct stat *info) {
    int code = uv_fs_event_start(&w->event, on_event, w->path, 0);
    w->is_watching = code == 0;
    w->device = info->st_dev;
    w->number = info->st_ino;
    if (code != 0)
        log_repeat(&w->failures, LOG_WARN, "folder", "%s: its changes are looked for every second: %s", w->path,
                   uv_strerror(code));
}

static void on_look(uv_timer_t *timer) {
    folder_watch *w = timer->data;
    struct stat info;
    bool is_there = stat(w->path, &info) == 0 && S_ISDIR(info.st_mode), was_there = w->is_there;
    w->is_there = is_there;
    if (is_there && w->is_watching && !w->has_moved && info.st_dev == w->device && info.st_ino == w->number) return;
    stop_watching(w);
    if (is_there) start_watching(w, &info);
    if (is_there || was_there) touch(w);
}

err folder_watch_open(uv_loop_t *loop, const char *path, void (*on_change)(void *context), void *context,
                      folder_watch **out) {
    folder_watch *w = calloc(1, sizeof *w);
    struct stat info;
    if (w) w->path = strdup(path);
    if (!w || !w->path) {
        free(w);
        return ERR_NO_MEMORY;
    }
    for (size_t n = strlen(w->path); n > 1 && w->path[n - 1] == '/'; n--) w->path[n - 1] = 0;
    w->on_change = on_change;
    w->context = context;
    uv_fs_event_init(loop, &w->event);
    uv_timer_init(loop, &w->settle);
    uv_timer_init(loop, &w->look);
    w->event.data = w->settle.data = w->look.data = w;
    w->n_open = N_HANDLES;
    w->is_there = stat(w->path, &info) == 0 && S_ISDIR(info.st_mode);
    if (w->is_there) start_watching(w, &info);
    uv_timer_start(&w->look, on_look, LOOK_MS, LOOK_MS);
    *out = w;
    return OK;
}

void folder_watch_again(folder_watch *w, uint64_t after_ms) { uv_timer_start(&w->settle, on_settled, after_ms, 0); }

static void on_closed(uv_handle_t *handle) {
    folder_watch *w = handle->data;
    if (--w->n_open > 0) return;
    free(w->path);
    free(w);
}

void folder_watch_close(folder_watch *w) {
    if (!w) return;
    uv_close((uv_handle_t *)&w->event, on_closed);
    uv_close((uv_handle_t *)&w->settle, on_closed);
    uv_close((uv_handle_t *)&w->look, on_closed);
}
