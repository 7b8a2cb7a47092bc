//! `test-cloud KEY`: runs a cloud service in DeepSeek's dialect until Ctrl+C, for the test of the window.
//! Prints its address.

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Some(key) = std::env::args().nth(1) else {
        eprintln!("usage: test-cloud KEY");
        std::process::exit(2);
    };
    let cloud = testkit::TestCloud::start(&key).await?;
    println!("{}", cloud.address());
    tokio::signal::ctrl_c().await
}
