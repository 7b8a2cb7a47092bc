//! What `to_args` writes is parsed to the same values. Arguments are generated, with spaces, quotes and
//! leading hyphens; combinations that clap refuses are left out.
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use proptest::option;
use proptest::prelude::*;
use protocol::{
    ActivationDtype, CacheDtype, InspectArgs, PlaceChoice, SpeculationMode, WeightDtype, WorkerArgs,
};

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[expect(clippy::large_enum_variant, reason = "one value is parsed and dropped")]
#[derive(Subcommand)]
enum Command {
    Serve(WorkerArgs),
    Inspect(InspectArgs),
}

fn parsed(args: Vec<std::ffi::OsString>) -> Command {
    let program = std::iter::once("whaledeck-engine".into()).chain(args);
    Program::try_parse_from(program).unwrap_or_else(|error| panic!("{error}")).command
}

/// Names with spaces, quotes and a leading hyphen; none is empty.
fn text() -> impl Strategy<Value = String> {
    "[-a-zA-Z0-9 ./='\"鲸]{1,12}"
}

fn path() -> impl Strategy<Value = PathBuf> {
    text().prop_map(PathBuf::from)
}

prop_compose! {
    fn served()(
        (model, model_name) in (path(), option::of(text())),
        (host, port) in (any::<std::net::IpAddr>(), any::<u16>()),
        api_key_env in option::of(text()),
        keys in option::of((path(), option::of(any::<u32>()), option::of(path()))),
        (context, sequences) in (option::of(1u32..), 1u8..=8),
        place in prop_oneof![
            Just(PlaceChoice::Auto), Just(PlaceChoice::Cpu), any::<u32>().prop_map(PlaceChoice::Card),
        ],
        threads in option::of(1u16..=1024),
        cache_dtype in option::of(prop_oneof![Just(CacheDtype::Bf16), Just(CacheDtype::Fp8)]),
        shrink in option::of(prop_oneof![
            Just(WeightDtype::F32), Just(WeightDtype::F16), Just(WeightDtype::Bf16),
            Just(WeightDtype::Q80), Just(WeightDtype::Q6K), Just(WeightDtype::Q4K),
        ]),
        (activations, speculation) in (
            prop_oneof![Just(ActivationDtype::F32), Just(ActivationDtype::Int16)],
            prop_oneof![Just(SpeculationMode::Auto), Just(SpeculationMode::Off)],
        ),
        (prefix_cache, prefix_cache_mib) in (option::of(path()), any::<u64>()),
        allow_picture_folder in prop::collection::vec(path(), 0..3),
        allow_picture_host in prop::collection::vec(text(), 0..3),
        (allow_picture_web, allow_host, allow_origin) in (
            any::<bool>(),
            prop::collection::vec(text(), 0..3),
            prop::collection::vec(text(), 0..3),
        ),
        parent_pid in option::of(any::<u32>()),
    ) -> WorkerArgs {
        // A rate and a log need keys.
        let (keys, rate, request_log) = keys.map_or((None, None, None), |(keys, rate, log)| {
            (Some(keys), rate, log)
        });
        WorkerArgs {
            model, model_name, host, port, api_key_env, keys, rate, request_log, context, sequences, place,
            threads, cache_dtype, shrink, activations, speculation, prefix_cache, prefix_cache_mib, allow_picture_folder, allow_picture_host,
            allow_picture_web, allow_host, allow_origin, parent_pid,
        }
    }
}

proptest! {
    #[test]
    fn served_arguments_are_read_as_they_were_written(args in served()) {
        let Command::Serve(read) = parsed(args.to_args()) else { panic!("another command") };
        prop_assert_eq!(read, args);
    }

    #[test]
    fn inspected_files_are_read_as_they_were_written(file in path(), mode in 0..3) {
        let args = InspectArgs { file, json: mode == 1, check: mode == 2 };
        let Command::Inspect(read) = parsed(args.to_args()) else { panic!("another command") };
        prop_assert_eq!(read, args);
    }
}

#[test]
fn a_plain_start_names_only_its_model() {
    assert_eq!(WorkerArgs::new("/m").to_args(), ["serve", "--model", "/m"]);
}
