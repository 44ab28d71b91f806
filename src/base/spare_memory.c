/* See spare_memory.h. Only segments that are not writable are left to the page cache: they were never written, not even by the
 * dynamic linker, whose relocations lie in the writable ones (also where these are protected afterwards). */
#include "base/spare_memory.h"
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int leave_to_cache(struct dl_phdr_info *object, size_t bytes, void *context) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)bytes, (void)context;
    if (strstr(object->dlpi_name, "vdso")) return 0; /* the kernel's own, of no file */
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t from = (object->dlpi_addr + segment->p_vaddr) / page * page;
        uintptr_t to = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W || to <= from) continue;
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* where it is refused nothing is lost */
    }
    return 0;
}

void spare_memory_give_back(void) {
    malloc_trim(0);
    (void)dl_iterate_phdr(leave_to_cache, NULL);
}
