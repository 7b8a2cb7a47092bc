//! Between the answers: what the worker takes is measured when one has ended, and a model without questions
//! for as long as its settings say is unloaded. The next question loads it again.
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use deploy::State;

use super::measure::measure;
use super::workers::{Slot, Workers};
use crate::model_settings::Run;

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Runs as long as the app.
pub(crate) async fn watch(workers: Weak<Workers>) {
    let Some(mut changed) = workers.upgrade().map(|workers| workers.leases.changed.subscribe()) else {
        return;
    };
    let mut used = Instant::now();
    loop {
        let pause = workers.upgrade().and_then(|workers| workers.slot()?.unload_after);
        let pause = pause.map_or(LOOK_EVERY, |after| (after / 2).min(LOOK_EVERY));
        let answered = tokio::time::timeout(pause, changed.changed()).await.is_ok();
        let Some(workers) = workers.upgrade() else { return };
        let Some(slot) = workers.slot() else {
            used = Instant::now();
            continue;
        };
        if answered {
            record(&workers, &slot).await;
        }
        let ready = matches!(slot.worker.state(), State::Ready { .. });
        if answered || !ready || workers.leases.count() > 0 {
            used = Instant::now();
        } else if slot.unload_after.is_some_and(|after| used.elapsed() >= after) && !slot.is_shared() {
            workers.unload().await;
        }
    }
}

async fn record(workers: &Arc<Workers>, slot: &Slot) {
    let Some(memory) = measure(&slot.worker).await.map(|memory| memory.total) else { return };
    let args = &slot.spec.args;
    let card = match slot.worker.state() {
        State::Ready { place: protocol::WorkerPlace::Card { name, .. }, .. } => {
            Some(catalog::short_name(&name).to_owned())
        }
        _ => None,
    };
    let run = Run {
        model_id: slot.model_id.clone(),
        at: slot.started,
        context: args.context.unwrap_or(0),
        sequences: args.sequences.into(),
        cache: match args.cache_dtype {
            Some(protocol::CacheDtype::Fp8) => contract::CacheKind::Fp8,
            _ => contract::CacheKind::Bf16,
        },
        card,
        computed: memory.foreseen,
        measured: memory.measured,
    };
    // A forecast without it is as good as the first.
    if let Err(error) = workers.history.put(run) {
        tracing::warn!(%error, "the measured memory was not stored");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use contract::WorkerState;

    use super::*;
    use crate::test_app;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_idle_model_is_unloaded_and_comes_back_when_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let guide = folder.path().join("guide");
        std::fs::create_dir(&guide).expect("is made");
        std::fs::write(guide.join("config.json"), "{}").expect("is written");
        let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake_worker.py");
        std::os::unix::fs::symlink(worker, folder.path().join("whaledeck-engine")).expect("is linked");
        let app = test_app::open(folder.path()).await;
        let state = async || app.worker().await.expect("a view").state;
        let loaded = async |wanted: bool| {
            for _ in 0..200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if (state().await == WorkerState::Ready) == wanted {
                    return true;
                }
            }
            false
        };
        app.worker_start("guide").await.expect("starts");
        assert!(loaded(true).await, "it is loaded");
        let lease = app.workers.leases.take("chat");
        app.workers.unload_after("guide", Some(Duration::from_millis(200)));
        app.workers.leases.changed.send_replace(());
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(state().await, WorkerState::Ready, "an answer is being written");
        drop(lease);
        assert!(loaded(false).await, "it is unloaded");
        app.worker_start("guide").await.expect("starts again");
        assert!(loaded(true).await, "it is loaded again");
        app.worker_stop().await.expect("stops");
    }
}
