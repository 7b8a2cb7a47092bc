//! Each reason why a card is not used, shown without one: a driver made for the test is found in place of
//! NVIDIA's by a process of its own.
use std::path::Path;
use std::process::Command;

/// The functions of the driver that the tests are about; all others succeed and do nothing.
const STUB: &str = r#"
#include <stdlib.h>
#include <string.h>
static int is(const char *what) { return strcmp(getenv("STUB"), what) == 0; }
int cuDriverGetVersion(int *version) { *version = is("old") ? 11080 : 12040; return 0; }
int cuInit(unsigned flags) { return is("none") ? 100 : is("broken") ? 999 : 0; }
int cuGetErrorString(int code, const char **text) { *text = "words of the driver"; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strcpy(name, "Test Card"); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 8000000000; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    int turing = is("turing");
    *value = attribute == 75 ? (turing ? 7 : 8) : attribute == 76 ? (turing ? 5 : 6) : 1;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)1; return is("full") ? 2 : 0; }
int cuMemGetInfo_v2(size_t *free, size_t *total) { *free = 5000000000; *total = 8000000000; return 0; }
int cuModuleLoadData(void **module, const void *image) { *module = (void *)1; return 0; }
"#;

/// What a process says of its cards that finds the stub in `folder` as its driver.
fn asked(folder: &Path, stub: &str) -> String {
    let program = std::env::current_exe().expect("the test's own program");
    let output = Command::new(program)
        .args(["--exact", "says_what_it_finds", "--ignored", "--nocapture"])
        .env("LD_LIBRARY_PATH", folder)
        .env("STUB", stub)
        .output()
        .expect("it runs again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Builds the stub without the function `without`.
fn built(folder: &Path, without: &str) {
    let listed = include_str!("../src/driver.rs").split_once("SYMBOLS: &[&str] = &[").expect("the list").1;
    let listed = listed.split_once(']').expect("its end").0;
    let names = listed.split('"').skip(1).step_by(2).filter(|name| *name != without);
    let mut source = STUB.to_owned();
    for name in names.filter(|name| !STUB.contains(&format!("{name}("))) {
        source.push_str(&format!("int {name}(void) {{ return 0; }}\n"));
    }
    let file = folder.join("stub.c");
    std::fs::write(&file, source).expect("a file of the test");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(folder.join("libcuda.so")).arg(file).output();
    let compiled = compiled.expect("a C compiler, as every build here needs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn says_what_it_finds() {
    println!("answer: {:?}", cuda::places());
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stub is found by the variable of Linux's loader")]
fn each_reason_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    built(folder.path(), "");
    let says = |stub: &str, expect: &str| {
        let answer = asked(folder.path(), stub);
        assert!(answer.contains(expect), "{stub}: {answer}");
    };
    says(
        "old",
        "Err(DriverTooOld { have: DriverVersion { major: 11, minor: 8 }, \
         need: DriverVersion { major: 12, minor: 0 } })",
    );
    says("none", "Err(Failed(\"the driver finds no card\"))");
    says("broken", "words of the driver");
    says("turing", "refused: Some(Unsupported { capability: Capability { major: 7, minor: 5 } })");
    // A build without kernels says so first.
    let no_kernels = "refused: Some(NoKernels)";
    says("full", if cuda::has_kernels() { "refused: Some(NoMemory)" } else { no_kernels });
    says("good", if cuda::has_kernels() { "refused: None" } else { no_kernels });
    says("good", "name: \"Test Card\"");
    says("good", "free: 5000000000");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stub is found by the variable of Linux's loader")]
fn a_driver_that_lacks_a_function_is_refused_and_nothing_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    built(folder.path(), "cuLaunchKernelEx");
    let answer = asked(folder.path(), "good");
    assert!(answer.contains("Err(Failed(\"the driver has no cuLaunchKernelEx\"))"), "{answer}");
}
