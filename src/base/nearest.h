/* "Did you mean": the known name nearest to a mistyped one. Pure. */
#pragma once

/* The name of `names` (NULL at the end) with the fewest edits to `word` (insert, delete, replace or swap neighbours,
 * letter case ignored), or NULL when none is near enough to be what was meant: at most a third of the word, and three.
 * The first of several equally near ones. */
const char *nearest_name(const char *word, const char *const *names);
