/* Changes of traders beside their files (script/trader_overrides), and the folder read file by file (script/trader_folder). */
#include "script/trader_folder.h"
#include "script/trader_overrides.h"
#include "spec/c/tap.h"
#include <string.h>
#include <unistd.h>

static diag why;

static void must(bool works, const char *what) {
    if (works) return;
    printf("Bail out! %s: %s\n", what, why.text);
    exit(1);
}

static bool says(const trader_overrides *o, const char *expected) {
    char *text = trader_overrides_text(o);
    bool is_same = text && strcmp(text, expected) == 0;
    if (!is_same) printf("# %s instead of %s\n", text ? text : "nothing", expected);
    free(text);
    return is_same;
}

static void merge(trader_overrides *o, const char *key, const char *change) {
    must(trader_overrides_merge(o, key, change, &why) == OK, change);
}

static void merging(void) {
    trader_overrides *o, *other;
    must(trader_overrides_new(NULL, &o, &why) == OK, "new");
    must(trader_overrides_new("", &other, &why) == OK, "new");
    ok(says(o, "{}") && trader_overrides_equal(o, other, NULL), "nothing at first");
    merge(o, "a", "{\"inputs\":{\"x\":1,\"y\":\"two\"}}");
    merge(o, "a", "{\"enabled\":false,\"inputs\":{\"x\":3}}");
    merge(o, "b", "{\"enabled\":true}");
    ok(says(o, "{\"a\":{\"enabled\":false,\"inputs\":{\"x\":3,\"y\":\"two\"}},\"b\":{\"enabled\":true}}"),
       "what comes later joins");
    ok(!trader_overrides_equal(o, other, "a") && trader_overrides_equal(o, other, "c"), "compared by trader");
    must(trader_overrides_copy(other, o, "a") == OK, "copy");
    ok(trader_overrides_equal(o, other, "a") && !trader_overrides_has(other, "b"), "one trader is copied");
    merge(other, "a", "{\"inputs\":{\"x\":9}}");
    ok(says(o, "{\"a\":{\"enabled\":false,\"inputs\":{\"x\":3,\"y\":\"two\"}},\"b\":{\"enabled\":true}}"),
       "a copy is another thing");
    merge(o, "a", "{\"inputs\":{\"x\":null,\"y\":null,\"z\":null}}");
    ok(says(o, "{\"a\":{\"enabled\":false},\"b\":{\"enabled\":true}}"), "null takes inputs away");
    merge(o, "a", "{\"enabled\":null}");
    ok(!trader_overrides_has(o, "a") && says(o, "{\"b\":{\"enabled\":true}}"),
       "and the switch; of nothing nothing is left");
    must(trader_overrides_copy(other, o, NULL) == OK, "copy");
    ok(trader_overrides_equal(o, other, NULL), "all are copied");
    trader_overrides_free(o);
    trader_overrides_free(other);
    ok(trader_overrides_new("[1]", &o, &why) == ERR_SYNTAX && trader_overrides_new("{", &o, &why) == ERR_SYNTAX,
       "no object");
}

static void limits(void) {
    enum { TEXT = 60000 };
    trader_overrides *o;
    char *change = malloc(TEXT + 64), key[16];
    int n = 0;
    err e = OK;
    must(change != NULL, "memory");
    must(trader_overrides_new(NULL, &o, &why) == OK, "new");
    memset(change, 'x', TEXT);
    memcpy(change, "{\"inputs\":{\"a\":\"", 16);
    memcpy(change + TEXT, "\"}}", 4);
    for (; e == OK && n < 100; n++) {
        snprintf(key, sizeof key, "t%d", n);
        e = trader_overrides_merge(o, key, change, &why);
    }
    ok(e == ERR_TOO_BIG && n == 5 && !trader_overrides_has(o, key), "bounded, and what is too much changes nothing");
    free(change);
    trader_overrides_free(o);
}

static void checking(void) {
    char inputs[] =
        "[{\"name\":\"n\",\"type\":\"int\",\"min\":2,\"max\":9},{\"name\":\"f\",\"type\":\"float\",\"max\":1.5},"
        "{\"name\":\"b\",\"type\":\"bool\"},{\"name\":\"s\",\"type\":\"string\"}]";
    trader_spec spec = {.key = "a", .inputs = inputs};
    static const struct {
        const char *change, *problem;
    } cases[] = {
        {"{\"inputs\":{\"n\":2}}", NULL},
        {"{\"inputs\":{\"n\":9.0}}", NULL},
        {"{\"inputs\":{\"n\":1}}", "\"n\" is 1; expected at least 2"},
        {"{\"inputs\":{\"n\":10}}", "\"n\" is 10; expected at most 9"},
        {"{\"inputs\":{\"n\":2.5}}", "expected a whole number"},
        {"{\"inputs\":{\"n\":1e300}}", "expected at most 9"},
        {"{\"inputs\":{\"f\":1.5}}", NULL},
        {"{\"inputs\":{\"f\":\"1\"}}", "expected a number"},
        {"{\"inputs\":{\"b\":true,\"s\":\"t\"}}", NULL},
        {"{\"inputs\":{\"b\":1}}", "expected true or false"},
        {"{\"inputs\":{\"s\":false}}", "expected a text"},
        {"{\"inputs\":{\"other\":1}}", "has no input \"other\""},
        {"{\"inputs\":{\"other\":null,\"n\":null}}", NULL},
        {"{\"enabled\":true}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err e = trader_overrides_check(&spec, cases[i].change, &why);
        ok(cases[i].problem ? e == ERR_INVALID && strstr(why.text, cases[i].problem) : e == OK, "%s", cases[i].change);
    }
}

static void applying(void) {
    trader_source *source, *copy = NULL, *plain = NULL;
    trader_overrides *o;
    must(trader_source_new("a", "a.lua", "return 1", 8, "{\"x\":1,\"y\":2}", &source, &why) == OK, "source");
    must(trader_source_copy(source, &copy) == OK && trader_source_copy(source, &plain) == OK, "copy");
    must(trader_overrides_new("{\"a\":{\"enabled\":false,\"inputs\":{\"y\":\"new\",\"z\":[0.5]}}}", &o, &why) == OK,
         "new");
    must(trader_overrides_apply(o, copy, &why) == OK, "apply");
    ok(strcmp(copy->inputs, "{\"x\":1,\"y\":\"new\",\"z\":[0.5]}") == 0 && copy->enabled == 0,
       "inputs join, the switch counts");
    ok(strcmp(copy->revision, source->revision) != 0, "another revision");
    ok(strcmp(source->inputs, plain->inputs) == 0 && strcmp(source->revision, plain->revision) == 0 &&
           plain->enabled == -1 && strcmp(plain->code, "return 1") == 0,
       "a copy is the same, and another thing");
    must(trader_overrides_apply(o, copy, &why) == OK, "apply");
    ok(strcmp(copy->inputs, "{\"x\":1,\"y\":\"new\",\"z\":[0.5]}") == 0, "twice is once");
    trader_source_free(source);
    trader_source_free(copy);
    trader_source_free(plain);
    trader_overrides_free(o);
}

static void write_file(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void scanning(void) {
    char folder[] = "/tmp/trademind-scan-XXXXXX", command[128], path[64];
    trader_folder f;
    must(mkdtemp(folder), "mkdtemp");
    ok(trader_folder_scan(folder, &f, &why) == OK && f.count == 0 && f.n_failures == 0, "an empty folder is a folder");
    trader_folder_deinit(&f);
    write_file(folder, "a.lua", "return 1");
    write_file(folder, "b.lua", "return 2");
    write_file(folder, "b.json", "{");
    write_file(folder, "c.json", "{\"use\":\"a\",\"id\":\"other\"}");
    ok(trader_folder_scan(folder, &f, &why) == OK && f.count == 2 && f.n_failures == 1, "two of three can be used");
    snprintf(path, sizeof path, "%s/b.lua", folder);
    ok(strcmp(f.failures[0].file, path) == 0 && strcmp(f.failures[0].key, "b") == 0 &&
           strstr(f.failures[0].why.text, "b.json:1"),
       "which one fails, and why");
    snprintf(path, sizeof path, "%s/c.json", folder);
    ok(strcmp(f.sources[1]->file, path) == 0 && strcmp(f.sources[1]->key, "other") == 0,
       "a variant names its own file");
    trader_folder_deinit(&f);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    must(system(command) == 0, command);
    ok(trader_folder_scan(folder, &f, &why) == ERR_NOT_FOUND, "no folder");
}

int main(void) {
    merging();
    limits();
    checking();
    applying();
    scanning();
    return done();
}
