//! The worker program.
use clap::Parser;
use server::args::{Args, Command};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match Args::parse().command {
        Command::Serve(serve) => server::serve(serve).await,
        Command::Inspect(inspect) => server::inspect(&inspect),
        Command::Bench(bench) => server::bench(&bench),
        Command::CacheQuality(quality) => server::cache_quality(&quality),
    }
}
