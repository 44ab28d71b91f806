#include "script/script_setup.h"

script_limits script_limits_from(const config *cfg) {
    return (script_limits){.cpu_ms = cfg->script_cpu_ms,
                           .load_cpu_ms = cfg->script_load_cpu_ms,
                           .memory_bytes = (size_t)cfg->script_memory_mb << 20,
                           .default_interval = (int32_t)cfg->kline_interval};
}
