//! `test-hub FOLDER [owner/name]`: serves one model until Ctrl+C, for clients in other languages.
//! Prints its two addresses as one JSON line.

use std::path::PathBuf;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next().map(PathBuf::from) else {
        eprintln!("usage: test-hub FOLDER [owner/name]");
        std::process::exit(2);
    };
    let name = args.next().unwrap_or_else(|| "whaledeck/guide".into());
    let hub = testkit::TestHub::start(&[(&name, &folder)]).await?;
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
