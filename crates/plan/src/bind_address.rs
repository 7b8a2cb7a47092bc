//! The bind address and port of a plan. By default the server binds to loopback, and other hosts need a
//! tunnel such as ssh's. A server that is open to the network requires an API key.
use crate::{Argument, Engine, Plan, Reason, ReasonCode, Value, set};

impl Plan {
    /// The same plan with another port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        if self.engine == Engine::Ollama {
            let host = set("OLLAMA_HOST", format!("127.0.0.1:{port}"), Reason::new(ReasonCode::HostPrivate));
            self.environment.retain(|variable| variable.name != host.name);
            self.environment.push(host);
        }
        if let Some(argument) = self.arguments.iter_mut().find(|argument| argument.name == "--port") {
            *argument = set("--port", port, Reason::new(ReasonCode::Port).with("port", port));
        }
        self
    }

    /// The same plan, bound to all interfaces and with an API key. `None` for an engine without API keys.
    #[must_use]
    pub fn open_to_network(mut self) -> Option<Self> {
        if self.engine == Engine::Ollama {
            return None;
        }
        let host = self.arguments.iter().position(|argument| argument.name == "--host")?;
        self.arguments[host] = set("--host", "0.0.0.0", Reason::new(ReasonCode::Host));
        let key = Argument { name: "--api-key", value: Value::Key, reason: Reason::new(ReasonCode::ApiKey) };
        self.arguments.insert(host + 1, key);
        self.notes.push(Reason::new(ReasonCode::OpenToNetwork));
        Some(self)
    }

    /// Whether clients must send an API key.
    pub fn requires_key(&self) -> bool {
        self.arguments.iter().any(|argument| argument.value == Value::Key)
    }
}
