/* A stand-in for libnvidia-ml with two cards. The file CONTROL holds lines "function index code": that function answers
   that NVML error for that card, or for any card where the index is -1. WITHOUT_... leaves a function out of the library. */
#include <stdio.h>
#include <string.h>

typedef unsigned long long u64;
typedef struct { u64 total, free, used; } memory_v1;
typedef struct { unsigned version; u64 total, reserved, free, used; } memory_v2;

static const char *names[2] = {"NVIDIA GeForce RTX 4090", "NVIDIA RTX A6000"};
static const u64 totals[2] = {25757220864ull, 51527024640ull};
static const u64 frees[2] = {24000000000ull, 50000000000ull};
static const int capabilities[2][2] = {{8, 9}, {8, 6}};

static int fails(const char *function, long index) {
  FILE *file = fopen(CONTROL, "r");
  char name[128];
  long card;
  int code, found = 0;
  if (!file) return 0;
  while (fscanf(file, "%127s %ld %d", name, &card, &code) == 3)
    if (!strcmp(name, function) && (card == -1 || card == index)) found = code;
  fclose(file);
  return found;
}
#define FAIL(index) do { int code = fails(__func__, index); if (code) return code; } while (0)
#define INDEX(device) ((long)(device) - 1)

int nvmlInit_v2(void) { FAIL(-2); return 0; }
#ifndef WITHOUT_nvmlShutdown
int nvmlShutdown(void) { FAIL(-2); return 0; }
#endif
#ifndef WITHOUT_nvmlSystemGetDriverVersion
int nvmlSystemGetDriverVersion(char *text, unsigned size) { FAIL(-2); snprintf(text, size, "580.95.05"); return 0; }
#endif
#ifndef WITHOUT_nvmlSystemGetCudaDriverVersion_v2
int nvmlSystemGetCudaDriverVersion_v2(int *version) { FAIL(-2); *version = 13000; return 0; }
#endif
#ifndef WITHOUT_nvmlDeviceGetCount_v2
int nvmlDeviceGetCount_v2(unsigned *count) { FAIL(-2); *count = 2; return 0; }
#endif
#ifndef WITHOUT_nvmlDeviceGetHandleByIndex_v2
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  FAIL((long)index);
  if (index > 1) return 2;
  *device = (void *)(long)(index + 1);
  return 0;
}
#endif
#ifndef WITHOUT_nvmlDeviceGetName
int nvmlDeviceGetName(void *device, char *text, unsigned size) {
  FAIL(INDEX(device));
  snprintf(text, size, "%s", names[INDEX(device)]);
  return 0;
}
#endif
#ifndef WITHOUT_nvmlDeviceGetMemoryInfo
int nvmlDeviceGetMemoryInfo(void *device, memory_v1 *memory) {
  FAIL(INDEX(device));
  long at = INDEX(device);
  *memory = (memory_v1){totals[at], frees[at], totals[at] - frees[at]};
  return 0;
}
#endif
#ifndef WITHOUT_nvmlDeviceGetMemoryInfo_v2
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *memory) {
  FAIL(INDEX(device));
  long at = INDEX(device);
  *memory = (memory_v2){memory->version, totals[at], 0, frees[at], totals[at] - frees[at]};
  return 0;
}
#endif
#ifndef WITHOUT_nvmlDeviceGetCudaComputeCapability
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
  FAIL(INDEX(device));
  *major = capabilities[INDEX(device)][0];
  *minor = capabilities[INDEX(device)][1];
  return 0;
}
#endif
