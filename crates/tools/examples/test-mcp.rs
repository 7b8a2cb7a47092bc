//! `test-mcp [MODE]`: a server of the Model Context Protocol over standard input and output that misbehaves
//! on demand, for tests. Modes: `silent` answers nothing, `dies` ends at once with a line on standard error,
//! `garbage` writes what is no protocol.
use std::io::{BufRead, Write};

use serde_json::{Value, json};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("silent") => loop {
            std::thread::park();
        },
        Some("dies") => {
            eprintln!("\u{1b}[31mno configuration found\u{1b}[0m");
            std::process::exit(3);
        }
        Some("garbage") => println!("hello\n{{\"jsonrpc\": 1}}\n[[[["),
        _ => {}
    }
    // More than a pipe holds: a client that does not read it would stop the server.
    eprintln!("{}", "started ".repeat(20_000));
    let mut more = false;
    for line in std::io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line.unwrap_or_default()) else { continue };
        let id = &message["id"];
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => say(&json!({"jsonrpc": "2.0", "id": id, "result": {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": true}},
                "serverInfo": {"name": "test", "version": "1"}
            }})),
            "tools/list" => say(&json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools(more)}})),
            "tools/call" => {
                let arguments = &message["params"]["arguments"];
                let name = message["params"]["name"].as_str().unwrap_or_default();
                more |= name == "grow";
                call(id, name, arguments, &message["params"]["_meta"]["progressToken"]);
            }
            "notifications/cancelled" => eprintln!("cancelled"),
            _ if id.is_null() => {}
            _ => say(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "not known"}})),
        }
    }
}

fn tools(more: bool) -> Value {
    let tool = |name: &str, description: &str| {
        json!({"name": name, "description": description, "inputSchema": {
            "type": "object", "properties": {"text": {"type": "string"}}
        }})
    };
    let mut all = vec![
        tool("echo", "Returns the text."),
        tool("fail", "Reports an error."),
        tool("crash", "Ends the server."),
        tool("hang", "Never answers."),
        tool("slow", "Reports progress, then answers."),
        tool("big", "Returns ten megabytes."),
        tool("picture", "Returns an image."),
        tool("environment", "Returns the names of its variables."),
        tool("grow", "Adds a tool."),
    ];
    all[0]["annotations"] = json!({"title": "Echo a text", "readOnlyHint": true});
    if more {
        all.push(tool("new", "Was added."));
    }
    Value::Array(all)
}

fn call(id: &Value, name: &str, arguments: &Value, token: &Value) {
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    let result = match name {
        "echo" => text(arguments["text"].as_str().unwrap_or("no text")),
        "fail" => json!({"content": [{"type": "text", "text": "there is no such file"}], "isError": true}),
        "crash" => std::process::exit(1),
        "hang" => return,
        "slow" => {
            for step in 1..=4 {
                std::thread::sleep(std::time::Duration::from_millis(400));
                say(&json!({"jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": step}}));
            }
            text("done")
        }
        "big" => text(&"ten megabytes of text 鲸\n".repeat(10 * 1024 * 1024 / 26)),
        "picture" => json!({"content": [
            {"type": "text", "text": "a whale"},
            {"type": "image", "mimeType": "image/png", "data": "iVBORw0KGgo="},
            {"type": "resource_link", "uri": "file:///whale.png", "name": "whale.png"}
        ]}),
        "environment" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            text(&names.join(" "))
        }
        "grow" => {
            say(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
            text("grown")
        }
        _ => {
            let error = json!({"code": -32602, "message": format!("Unknown tool: {name}")});
            return say(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn say(message: &Value) {
    let mut out = std::io::stdout().lock();
    // A client that is gone needs no answer.
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}
