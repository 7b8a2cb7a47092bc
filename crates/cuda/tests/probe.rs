//! Each reason why a card is not used, shown without one: a driver made for the test is found in place of
//! NVIDIA's by a process of its own.
use std::path::Path;
use std::process::Command;

use testkit::driver_stub;

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

#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn says_what_it_finds() {
    println!("answer: {:?}", cuda::places());
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stub is found by the variable of Linux's loader")]
fn each_reason_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    driver_stub(folder.path(), "");
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
    // One card of two does not answer, and hides no other.
    says("two", "index: 0, name: \"\"");
    says("two", "refused: Some(Failed(\"the card stopped working (words of the driver)");
    says("two", "index: 1, name: \"Test Card\"");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stub is found by the variable of Linux's loader")]
fn a_driver_that_lacks_a_function_is_refused_and_nothing_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    driver_stub(folder.path(), "cuLaunchKernelEx");
    let answer = asked(folder.path(), "good");
    assert!(answer.contains("Err(Failed(\"the driver has no cuLaunchKernelEx\"))"), "{answer}");
}
