/* Feeds known inputs to a fuzz target in builds without libFuzzer: every file named on the command line, and every
 * file of every folder named there. One TAP line; the path of an input is printed before it runs, so that the last
 * path in the output of a crash is its cause. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool feed_file(const char *path) {
    printf("# %s\n", path);
    fflush(stdout);
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0) {
        perror(path);
        if (file) fclose(file);
        return false;
    }
    size_t size = (size_t)info.st_size;
    /* Exactly as large as the input, so that the address sanitizer sees a read past its end. */
    uint8_t *data = malloc(size);
    bool whole = (data || size == 0) && fread(data, 1, size, file) == size;
    fclose(file);
    if (whole) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return whole;
}

static int n_fed;

static bool feed(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(info.st_mode)) {
        n_fed++;
        return feed_file(path);
    }
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool fed = n >= 0;
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') fed = feed(inner) && fed;
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return fed;
}

int main(int argc, char **argv) {
    bool fed = true;
    for (int i = 1; i < argc; i++) fed = feed(argv[i]) && fed;
    fed = fed && n_fed > 0;
    printf("%s 1 - %d known inputs\n1..1\n", fed ? "ok" : "not ok", n_fed);
    return !fed;
}
