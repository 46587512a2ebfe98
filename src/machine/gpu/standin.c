/* Stands in for NVIDIA's library in tests: two GPUs with planted figures. The second is divided
   (MIG), of which the driver tells no utilisation. It says in the file SIGN that it was called. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory;

enum { OK, NOT_SUPPORTED = 3, NOT_LOADED = 9 };
static int devices[2];

static void sign(void) { FILE *file = fopen(SIGN, "w"); if (file) fclose(file); }

int nvmlInit_v2(void) {
#ifdef BROKEN
    sign();
    return NOT_LOADED;
#endif
    return OK;
}
int nvmlShutdown(void) { return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = &devices[index];
    return OK;
}
int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    strncpy(name, device == &devices[0] ? "NVIDIA H200" : "NVIDIA H200 MIG", length);
    return OK;
}
int nvmlDeviceGetUtilizationRates(void *device, Utilization *rates) {
#ifdef HANGS
    sign();
    for (;;) pause();
#endif
    if (device != &devices[0]) return NOT_SUPPORTED;
    rates->gpu = 97;
    rates->memory = 40;
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, Memory *memory) {
    memory->total = 100ull << 30;
    memory->used = device == &devices[0] ? 12ull << 30 : 1ull << 30;
    return OK;
}
