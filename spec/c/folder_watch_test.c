/* base/folder_watch: what is a change of a folder, told once it is quiet; through being replaced, going and coming back. */
#include "base/folder_watch.h"
#include "spec/c/tap.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uv_loop_t loop;
static int n_changes;
static char top[64], folder[128];

static void on_change(void *context) {
    (void)context;
    n_changes++;
}

static void must(bool works, const char *what) {
    if (works) return;
    printf("Bail out! %s\n", what);
    exit(1);
}

static void put(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "a");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void move_in(const char *name) {
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/new", top);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    FILE *file = fopen(from, "w");
    must(file && fclose(file) == 0 && rename(from, to) == 0, to);
}

static void take_out(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(unlink(path) == 0, path);
}

static void on_deadline(uv_timer_t *timer) { *(bool *)timer->data = true; }

/* Runs the loop until there are so many changes; false when they do not come. */
static bool comes(int count) {
    static uv_timer_t deadline;
    bool is_over = false;
    uv_timer_init(&loop, &deadline);
    deadline.data = &is_over;
    uv_timer_start(&deadline, on_deadline, 10000, 0);
    while (n_changes < count && !is_over) uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&deadline, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return !is_over;
}

static void files(void) {
    n_changes = 0;
    put("a.lua", "one");
    ok(comes(1), "a new file");
    put("a.lua", "two");
    ok(comes(2), "a file that is written to");
    move_in("a.lua");
    ok(comes(3), "a file that another one takes the name of");
    take_out("a.lua");
    ok(comes(4), "a file that is deleted");
    n_changes = 0;
    for (int i = 0; i < 50; i++) put("b.lua", "part");
    put("c.lua", "other");
    ok(comes(1) && n_changes == 1, "many writes at once are one change");
}

static void folders(void) {
    char other[128], away[128];
    snprintf(other, sizeof other, "%s/other", top);
    snprintf(away, sizeof away, "%s/away", top);
    n_changes = 0;
    must(mkdir(other, 0700) == 0 && rename(folder, away) == 0 && rename(other, folder) == 0, "rename");
    ok(comes(1), "another folder takes the name");
    n_changes = 0; /* told when the other one is watched, which may be a moment after the first word */
    ok(comes(1), "and is watched from then on");
    put("d.lua", "one");
    n_changes = 0;
    ok(comes(1), "what is written in that one");
    take_out("d.lua");
    must(rmdir(folder) == 0, "rmdir");
    n_changes = 0;
    ok(comes(1), "the folder is gone");
    must(mkdir(folder, 0700) == 0, "mkdir");
    n_changes = 0;
    ok(comes(1), "it is back");
    n_changes = 0;
    put("e.lua", "one");
    ok(comes(1), "and is watched again");
}

static void links(void) {
    char target[2][128];
    folder_watch *w;
    for (int i = 0; i < 2; i++) {
        snprintf(target[i], sizeof target[i], "%s/target-%d", top, i);
        must(mkdir(target[i], 0700) == 0, target[i]);
    }
    snprintf(folder, sizeof folder, "%s/link", top);
    must(symlink(target[0], folder) == 0, "symlink");
    must(folder_watch_open(&loop, folder, on_change, NULL, &w) == OK, "open");
    n_changes = 0;
    put("a.lua", "one");
    ok(comes(1), "a change behind a link");
    must(unlink(folder) == 0 && symlink(target[1], folder) == 0, "symlink");
    n_changes = 0;
    ok(comes(1), "the link points elsewhere");
    n_changes = 0;
    put("b.lua", "one");
    ok(comes(1), "a change there");
    folder_watch_close(w);
}

int main(void) {
    folder_watch *w;
    snprintf(top, sizeof top, "/tmp/trademind-watch-XXXXXX");
    must(mkdtemp(top), "mkdtemp");
    snprintf(folder, sizeof folder, "%s/traders", top);
    must(uv_loop_init(&loop) == 0, "loop");
    must(folder_watch_open(&loop, folder, on_change, NULL, &w) == OK, "open");
    must(mkdir(folder, 0700) == 0, "mkdir");
    ok(comes(1), "a folder that was not there at first");
    files();
    folders();
    n_changes = 0;
    folder_watch_again(w, 1);
    ok(comes(1), "once more when asked to");
    folder_watch_close(w);
    links();
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "no handle is left");
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    must(system(command) == 0, command);
    return done();
}
