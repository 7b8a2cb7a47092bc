//! The program `whaledeck`, the desktop host: a window over the use cases of `app`. It never links the
//! engine. Everything is in the library, so that tests can call it; only the Windows console setting is here.
#![cfg_attr(all(not(debug_assertions), target_os = "windows"), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    whaledeck_desktop::run()
}
