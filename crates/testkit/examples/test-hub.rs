//! `test-hub FOLDER [owner/name]` serves one model until Ctrl+C, for clients in other languages; `test-hub
//! --published FIXTURES` serves the repositories of `testkit`. Prints its two addresses as one JSON line.

use std::path::Path;

use testkit::TestHub;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (name, hub) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--published", fixtures] => (testkit::R1_SHARDS, TestHub::published(Path::new(fixtures)).await?),
        [folder] => ("whaledeck/guide", TestHub::start(&[("whaledeck/guide", Path::new(folder))]).await?),
        [folder, name] => (name, TestHub::start(&[(name, Path::new(folder))]).await?),
        _ => {
            eprintln!("usage: test-hub FOLDER [owner/name], or test-hub --published FIXTURES");
            std::process::exit(2);
        }
    };
    println!(
        "{}",
        serde_json::json!({
            "repository": name,
            "hugging_face": hub.hugging_face_endpoint(),
            "model_scope": hub.model_scope_endpoint(),
        })
    );
    tokio::signal::ctrl_c().await
}
