//! Our side of the protocol: it offers the server no sampling, no roots and no questions to the user, and
//! notes that the list of tools has changed.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};

#[derive(Clone, Default)]
pub(super) struct Client {
    changed: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let program = Implementation::new("whaledeck", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), program)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }
}
