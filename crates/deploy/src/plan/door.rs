//! The door of a plan: which port, and who can reach it. A plan is private by itself: loopback only, and whoever comes from
//! elsewhere needs a way in, such as ssh's. One that is open to the network asks callers for a key.
use super::{Argument, Code, Engine, Explained, Plan, Value, set};

impl Plan {
    /// The same plan at another port.
    #[must_use]
    pub fn at(mut self, port: u16) -> Self {
        self.port = port;
        if self.engine == Engine::Ollama {
            let host = set("OLLAMA_HOST", format!("127.0.0.1:{port}"), Explained::new(Code::HostPrivate));
            self.environment.retain(|variable| variable.name != host.name);
            self.environment.push(host);
        }
        if let Some(argument) = self.arguments.iter_mut().find(|argument| argument.name == "--port") {
            *argument = set("--port", port, Explained::new(Code::Port).with("port", port));
        }
        self
    }

    /// The same plan, open to the network and with a key. `None` for an engine that knows no keys.
    #[must_use]
    pub fn open(mut self) -> Option<Self> {
        if self.engine == Engine::Ollama {
            return None;
        }
        let host = self.arguments.iter().position(|argument| argument.name == "--host")?;
        self.arguments[host] = set("--host", "0.0.0.0", Explained::new(Code::Host));
        let key = Argument { name: "--api-key", value: Value::Key, why: Explained::new(Code::ApiKey) };
        self.arguments.insert(host + 1, key);
        self.notes.push(Explained::new(Code::OpenToNetwork));
        Some(self)
    }

    /// Whether callers have to show a key.
    pub fn has_key(&self) -> bool {
        self.arguments.iter().any(|argument| argument.value == Value::Key)
    }
}
