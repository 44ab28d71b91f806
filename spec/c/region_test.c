/* script/region against an obvious model: a list of blocks, each with its bytes, size and owner. */
#include "script/region.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { N_BLOCKS = 400, N_OPERATIONS = 60000, N_OWNERS = 5, CAP = 1 << 20 };

typedef struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char fill;
    uint32_t owner;
} block;

static uint64_t state;
static uint32_t draw(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

static size_t draw_size(void) {
    switch (draw(10)) {
    case 0: return 1 + draw(60000);
    case 1:
    case 2: return 1 + draw(3000);
    default: return 1 + draw(200);
    }
}

static bool is_whole(const block *b) {
    for (size_t i = 0; i < b->size; i++)
        if (b->bytes[i] != b->fill) return false;
    return true;
}

static void test_random(void) {
    static block blocks[N_BLOCKS];
    region *r = NULL;
    size_t live[N_OWNERS] = {0}, most = 0;
    uint64_t n_refused = 0;
    bool kept = true, aligned = true, never_less = true, shrank = true;
    if (region_new(CAP, &r) != OK) exit(1);
    for (int i = 0; i < N_OPERATIONS; i++) {
        block *b = &blocks[draw(N_BLOCKS)];
        uint32_t owner = draw(N_OWNERS);
        size_t size = draw(3) ? draw_size() : 0;
        unsigned char *fresh;
        kept = kept && is_whole(b);
        region_set_owner(r, owner);
        fresh = region_alloc(r, b->bytes, b->size, size);
        if (size && !fresh) {
            n_refused++;
            shrank = shrank && size > b->size;
            continue; /* the old block stays as it is */
        }
        aligned = aligned && ((uintptr_t)fresh & 15) == 0;
        if (fresh != b->bytes) b->owner = owner;
        for (size_t k = 0; k < size && k < b->size; k++) kept = kept && fresh[k] == b->fill;
        b->bytes = fresh;
        b->size = size;
        b->fill = (unsigned char)draw(256);
        if (fresh) memset(fresh, b->fill, size);
        memset(live, 0, sizeof live);
        for (int k = 0; i % 97 == 0 && k < N_BLOCKS; k++) live[blocks[k].owner] += blocks[k].size;
        for (uint32_t o = 0; i % 97 == 0 && o < N_OWNERS; o++) never_less = never_less && region_owned(r, o) >= live[o];
        if (region_peak(r) > most) most = region_peak(r);
    }
    ok(kept, "every block keeps its bytes");
    ok(aligned, "and stands at a multiple of 16");
    ok(never_less, "an owner's account covers its blocks");
    ok(most <= CAP && n_refused > 0 && region_refused(r) == n_refused,
       "nothing beyond the cap; %llu requests were refused", (unsigned long long)n_refused);
    ok(shrank, "shrinking is never refused");
    for (int i = 0; i < N_BLOCKS; i++) region_alloc(r, blocks[i].bytes, blocks[i].size, 0);
    ok(region_used(r) == 0, "what is freed is no longer used");
    for (uint32_t o = 0; o < N_OWNERS; o++) ok(region_owned(r, o) == 0, "owner %u holds nothing at the end", o);
    region_free(r);
}

static void test_edges(void) {
    region *r = NULL;
    void *a, *b;
    if (region_new(CAP, &r) != OK) exit(1);
    ok(!region_alloc(r, NULL, 0, CAP + 1) && region_refused(r) == 1, "more than the cap at once is refused");
    ok(!region_alloc(r, NULL, 0, SIZE_MAX) && region_refused(r) == 2, "so is the largest size there is");
    ok(region_wanted(r, 0) == CAP && region_wanted(r, 1) == 0, "and it is known who wanted it");
    a = region_alloc(r, NULL, 0, CAP / 2);
    region_set_owner(r, 7);
    b = region_alloc(r, NULL, 0, CAP / 4);
    ok(a && b && region_owned(r, 0) == CAP / 2 && region_owned(r, 7) == CAP / 4 && region_grown(r, 7) == CAP / 4,
       "accounts of two owners");
    region_alloc(r, a, CAP / 2, 0);
    ok(region_alloc(r, NULL, 0, CAP / 2) == a && region_owned(r, 7) == CAP / 4 * 3 && region_grown(r, 7) == CAP / 4,
       "a block that is used again changes its account, not who needed it first");
    region_set_owner(r, REGION_OWNERS + 5);
    ok(region_alloc(r, NULL, 0, 16) && region_owned(r, REGION_OWNERS - 1) == 16,
       "owners past the last one share its account");
    region_free(r);
    region_free(NULL);
}

int main(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    state = tap_seed((uint64_t)now.tv_nsec);
    test_random();
    test_edges();
    return done();
}
