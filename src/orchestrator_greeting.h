/* What the daemon says when it listens: where, what is kept where and whether it stays there, and how to ask it. */
#pragma once
#include "orchestrator_body.h"

/* To the log. The token only when nobody but this machine can reach the daemon, or a person reads the log. */
void orchestrator_greet(const orchestrator *o);
