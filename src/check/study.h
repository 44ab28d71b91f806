/* A script that somebody tries on bars that are at hand: compiled once, then run over one symbol after the other.
 *
 *   study_open ──► study_look.h   where it would have fired
 *              ├─► study_draw.h   its plots at each bar
 *              └─► study_prompt.h what a model would be asked about one bar
 *
 * It is the evaluation of the daemon, with the memory of a replay; nothing is kept, and what the script prints is dropped.
 * Threads: the one that opened it. Ownership: the study owns all but what is passed in. */
#pragma once
#include "base/json_writer.h"
#include "script/probe.h"

typedef struct study study;

/* Prompts are made with ANALYSIS_MANUAL alone. ERR_SCRIPT, ERR_RUNAWAY and a sentence: it does not compile; and ERR_NO_MEMORY and
 * the like. */
MUST_CHECK err study_open(const script_limits *limits, const trader_source *source, study **out, diag *why);
void study_close(study *s);
const trader_spec *study_spec(const study *s);

/* Bars of one symbol by interval; those of the references in the trader's order. Bars are taken: the lists are empty afterwards. */
typedef struct study_bars {
    const symbol_info *symbol;
    probe_bars *bars;
    const probe_references *references; /* NULL: it has none */
} study_bars;
