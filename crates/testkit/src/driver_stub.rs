//! A driver for graphics cards in place of NVIDIA's, without a card: it is found by `LD_LIBRARY_PATH`, and
//! the variable `STUB` says what is wrong with it. Its card keeps memory and runs kernels that do nothing.
use std::path::Path;
use std::process::Command;

/// The functions that a test is about; all others succeed and do nothing.
const SOURCE: &str = r#"
#include <stdlib.h>
#include <string.h>
static int is(const char *what) { const char *stub = getenv("STUB"); return stub && strcmp(stub, what) == 0; }
int cuDriverGetVersion(int *version) { *version = is("old") ? 11080 : 12040; return 0; }
int cuInit(unsigned flags) { return is("none") ? 100 : is("broken") ? 999 : 0; }
int cuGetErrorString(int code, const char **text) { *text = "words of the driver"; return 0; }
int cuDeviceGetCount(int *count) { *count = is("two") ? 2 : 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strcpy(name, "Test Card");
    return is("two") && device == 0 ? 46 : 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 8000000000; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    int turing = is("turing");
    *value = attribute == 75 ? (turing ? 7 : 8) : attribute == 76 ? (turing ? 5 : 6) : 100000;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)1; return is("full") ? 2 : 0; }
int cuMemGetInfo_v2(size_t *free, size_t *total) {
    *free = is("small") ? 100000000 : 5000000000;
    *total = 8000000000;
    return 0;
}
int cuModuleLoadData(void **module, const void *image) { *module = (void *)1; return 0; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = (void *)1; return 0; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = (void *)1; return 0; }
int cuStreamSynchronize(void *stream) { return is("lost") ? 700 : 0; }
int cuMemAlloc_v2(unsigned long long *address, size_t bytes) {
    static unsigned long long next = 1 << 20;
    *address = next;
    next += (bytes + 511) / 512 * 512;
    return 0;
}
int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) { *memory = calloc(1, bytes); return 0; }
int cuMemFreeHost(void *memory) { free(memory); return 0; }
"#;

/// Builds the driver in `folder`, without the function `without`.
///
/// # Panics
/// Without a C compiler, which every build here needs.
pub fn driver_stub(folder: &Path, without: &str) {
    let listed =
        include_str!("../../cuda/src/driver.rs").split_once("SYMBOLS: &[&str] = &[").expect("the list").1;
    let listed = listed.split_once(']').expect("its end").0;
    let names = listed.split('"').skip(1).step_by(2).filter(|name| *name != without);
    let mut source = SOURCE.to_owned();
    for name in names.filter(|name| !SOURCE.contains(&format!("{name}("))) {
        source.push_str(&format!("int {name}(void) {{ return 0; }}\n"));
    }
    let file = folder.join("stub.c");
    std::fs::write(&file, source).expect("a file of the test");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(folder.join("libcuda.so")).arg(file).output();
    let compiled = compiled.expect("a C compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}
