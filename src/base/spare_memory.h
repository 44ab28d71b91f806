/* Gives memory back that the start has used and the run does not: what the allocator holds free, and the pages of the executable
 * and its libraries that nobody has looked at since. The latter come back from the page cache when they are wanted, so that what
 * is resident afterwards is what is in use. Takes some milliseconds and costs the next ones page faults: for the end of a start, not
 * for a hot path. Any thread. */
#pragma once

void spare_memory_give_back(void);
