//! The door of a plan: which port, and who can reach it. A plan by itself is open to the network, as a server of its own is;
//! one that this app runs is private unless the person says otherwise.
use super::{Argument, Code, Engine, Explained, Plan, set};

impl Plan {
    /// The same plan at another door. Private is loopback only: whoever comes from elsewhere needs a way in, such as ssh's.
    #[must_use]
    pub fn at(mut self, port: u16, private: bool) -> Self {
        self.port = port;
        let host = if private { "127.0.0.1" } else { "0.0.0.0" };
        let who = || Explained::new(if private { Code::HostPrivate } else { Code::Host });
        if self.engine == Engine::Ollama {
            self.environment.push(set("OLLAMA_HOST", format!("{host}:{port}"), who()));
        }
        for argument in &mut self.arguments {
            match argument.name {
                "--host" => *argument = set("--host", host, who()),
                "--port" => *argument = at_port(port),
                _ => {}
            }
        }
        let open = |note: &Explained| note.code == Code::OpenToNetwork;
        if private {
            self.notes.retain(|note| !open(note));
        } else if !self.notes.iter().any(open) {
            self.notes.push(Explained::new(Code::OpenToNetwork));
        }
        self
    }
}

fn at_port(port: u16) -> Argument {
    set("--port", port, Explained::new(Code::Port).with("port", port))
}
