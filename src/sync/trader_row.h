/* Rows of the table `traders` as PostgREST gives them. JSON columns are objects, or, as an earlier app wrote them, texts
 * that hold one. A column that cannot be read makes a row that says so; it never makes the page fail.
 *
 * Threads: none of its own. Ownership: a list owns its rows and their texts. */
#pragma once
#include "base/json_writer.h"
#include "base/uuid.h"
#include <string.h>
#include <strings.h>

typedef enum user_tier { TIER_ANONYMOUS, TIER_FREE, TIER_PRO, TIER_ELITE } user_tier;

enum { TRADER_STAMP_BYTES = 48 };

typedef struct trader_row {
    char id[UUID_TEXT_BYTES];
    char user_id[UUID_TEXT_BYTES];                                       /* empty: nobody's */
    char updated_at[TRADER_STAMP_BYTES], created_at[TRADER_STAMP_BYTES]; /* as the database writes them */
    int64_t version;
    bool is_built_in; /* nobody's */
    bool is_enabled;
    bool is_in_cloud;                   /* the owner lets machines run it */
    bool tells_signals, tells_analyses; /* the owner wants to be notified of them */
    user_tier tier;                     /* the least that may run it, of a built-in one */
    char *name;                         /* heap, as are the next ones */
    char *description;
    char *language;
    char *key;    /* of the file that it was read from (filter.key); NULL: of none */
    char *code;   /* NULL: there is none, or `problem` says why it cannot be read */
    char *inputs; /* a JSON object; NULL: none */
    char *error;  /* what the column says; NULL: nothing */
    char *problem;
    /* What else the columns filter and cloud_config hold: members of a JSON object without its braces; NULL: nothing. */
    char *filter_rest, *cloud_rest;
} trader_row;

typedef struct trader_row_list {
    trader_row *items;
    size_t count;
} trader_row_list;

/* What is asked of the table. */
#define TRADER_ROW_COLUMNS \
    "id,user_id,name,description,enabled,filter,language,access_tier,cloud_config,inputs,error,version,created_at," \
    "updated_at"
/* ... to see which rows have changed. */
#define TRADER_STAMP_COLUMNS "id,version,updated_at"

/* A page: an array of objects with an id. ERR_SYNTAX and a sentence: it is not one. Appends to `list`; on a failure
 * nothing. With TRADER_STAMP_COLUMNS alone the other fields are empty. */
MUST_CHECK err trader_row_parse(const char *json, size_t bytes, trader_row_list *list, diag *why);
/* The row as an object, as it would be parsed. */
void trader_row_write(const trader_row *row, json_writer *w);
/* The columns filter and cloud_config alone. `key` and `rest` may be NULL. */
void trader_row_write_filter(const char *code, const char *key, const char *rest, json_writer *w);
void trader_row_write_cloud(bool is_in_cloud, const char *rest, json_writer *w);
/* The same tier for every way of writing it; -1: none. */
int user_tier_parse(const char *text);
const char *user_tier_name(user_tier tier);

/* Orders by id. */
void trader_row_list_sort(trader_row_list *list);
/* Of a sorted list; NULL: none. */
trader_row *trader_row_list_find(const trader_row_list *list, const char *id);
MUST_CHECK err trader_row_copy(const trader_row *row, trader_row *out);
/* Moves it; `row` is empty afterwards. */
MUST_CHECK err trader_row_list_add(trader_row_list *list, trader_row *row);
void trader_row_deinit(trader_row *row);
void trader_row_list_deinit(trader_row_list *list);

static inline bool trader_row_is_lua(const trader_row *row) {
    return row->language && strcmp(row->language, "lua") == 0;
}
