//! The hardware of this computer as a use case. All verdicts of a page use one snapshot, which is kept for a
//! minute or until a new one is requested. Also measures the memory bandwidth.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ::hardware::{GpuVendor, Snapshot};
use catalog::Devices;
use contract::{AppEvent, ErrorView, HardwareView, MeasuredMemory, PlaceKind};
use protocol::PlaceChoice;

use crate::App;
use crate::blocking::blocking;
use crate::convert::hardware_view;

/// The age after which a new snapshot is taken, because other programs have started or ended.
const MAX_AGE: Duration = Duration::from_secs(60);

impl App {
    /// Takes a new snapshot, which the next verdicts use.
    pub async fn hardware(&self) -> Result<HardwareView, ErrorView> {
        let snapshot = self.new_snapshot().await?;
        Ok(hardware_view(&snapshot, self.devices()))
    }

    /// Measures the memory bandwidth, which takes about a second on all cores. The result is stored, and
    /// later verdicts use it.
    pub async fn hardware_measure(&self) -> Result<HardwareView, ErrorView> {
        let measured = blocking("measure the memory", || Ok(::hardware::measure_bandwidth())).await?;
        if let Some(bandwidth) = measured {
            let cpu = self.snapshot().await?.cpu.name.clone();
            self.settings_change(|settings| settings.measured = Some(MeasuredMemory { cpu, bandwidth }))?;
        }
        let view = self.hardware().await?;
        self.host.emit(AppEvent::ModelsChanged);
        Ok(view)
    }

    /// What the user lets the embedded engine compute on.
    pub(crate) fn devices(&self) -> Devices {
        if self.without_card.load(Ordering::Relaxed) {
            return Devices::CPU;
        }
        let settings = self.settings_now();
        Devices(match settings.place {
            PlaceKind::Auto => PlaceChoice::Auto,
            PlaceKind::Cpu => PlaceChoice::Cpu,
            PlaceKind::Card => PlaceChoice::Card(settings.card),
        })
    }

    /// After a card was lost: models are on the processor until the app ends or the setting is changed.
    pub async fn use_processor(&self) -> Result<(), ErrorView> {
        self.without_card.store(true, Ordering::Relaxed);
        self.host.emit(AppEvent::ModelsChanged);
        Ok(())
    }

    /// The last snapshot, with the memory bandwidth if it was measured. What the worker takes of a card
    /// counts as free: it ends when another model starts.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, ErrorView> {
        let snapshot = self.cached_snapshot().await?;
        let Some((index, used)) = self.workers.card() else { return Ok(snapshot) };
        let mut without = (*snapshot).clone();
        let mut cards = without.gpus.iter_mut().filter(|gpu| gpu.vendor == GpuVendor::Nvidia);
        if let Some(gpu) = cards.nth(index as usize).filter(|gpu| !gpu.shared_memory) {
            let total = gpu.vram_total.unwrap_or(u64::MAX);
            gpu.vram_free = gpu.vram_free.map(|free| free.saturating_add(used).min(total));
        }
        Ok(Arc::new(without))
    }

    async fn cached_snapshot(&self) -> Result<Arc<Snapshot>, ErrorView> {
        let models_dir = PathBuf::from(self.settings_now().models_dir);
        let mut last = self.last_snapshot.lock().await;
        match &*last {
            Some((at, snapshot)) if at.elapsed() < MAX_AGE && snapshot.disk.models_dir == models_dir => {
                Ok(snapshot.clone())
            }
            _ => self.take_snapshot(&mut last, models_dir).await,
        }
    }

    async fn new_snapshot(&self) -> Result<Arc<Snapshot>, ErrorView> {
        let models_dir = PathBuf::from(self.settings_now().models_dir);
        self.take_snapshot(&mut *self.last_snapshot.lock().await, models_dir).await
    }

    async fn take_snapshot(
        &self,
        last: &mut Option<(Instant, Arc<Snapshot>)>,
        models_dir: PathBuf,
    ) -> Result<Arc<Snapshot>, ErrorView> {
        let read = move || Ok(::hardware::snapshot(&models_dir));
        let mut snapshot = blocking("read the hardware", read).await?;
        let measured = self.settings_now().measured.filter(|measured| measured.cpu == snapshot.cpu.name);
        snapshot.memory_bandwidth = measured.map(|measured| measured.bandwidth);
        let snapshot = Arc::new(snapshot);
        *last = Some((Instant::now(), snapshot.clone()));
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use contract::{FamilyKind, Place, SettingsView, SizingWish};
    use hardware::{Cpu, Disk, Gpu};

    use super::*;

    /// A card of 48 GB, and 25 GB of free memory.
    fn snapshot(models_dir: PathBuf) -> Snapshot {
        Snapshot {
            os: "Linux".into(),
            cpu: Cpu::default(),
            ram_total: 33_000_000_000,
            ram_available: 25_000_000_000,
            gpus: vec![Gpu {
                name: "NVIDIA L40S".into(),
                vendor: GpuVendor::Nvidia,
                vram_total: Some(48_305_799_168),
                vram_free: Some(47_800_000_000),
                shared_memory: false,
                driver: "580.95.05".into(),
                cuda: Some("13.0".into()),
                compute_capability: Some("8.9".into()),
            }],
            gpu_problem: None,
            disk: Disk { models_dir, total: 1 << 41, free: 1 << 40 },
            memory_bandwidth: None,
        }
    }

    #[tokio::test]
    async fn verdicts_for_one_machine_in_both_languages() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = crate::test_app::open(folder.path()).await;
        let models_dir = PathBuf::from(app.settings_now().models_dir);
        *app.last_snapshot.lock().await = Some((Instant::now(), Arc::new(snapshot(models_dir))));
        let advice = app.recommendation().await.expect("is given");
        let mut text = format!("{}\n{}\n", advice.sentence.en, advice.sentence.zh);
        for model in app.models().await.expect("a list") {
            text += &format!("\n{}: {:?}\n", model.id, model.fit.verdict);
            text += &format!("  {}\n  {}\n", model.fit.reason.en, model.fit.reason.zh);
        }
        insta::assert_snapshot!("verdicts", text);
    }

    #[tokio::test]
    async fn a_model_is_where_the_worker_would_have_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = crate::test_app::open(folder.path()).await;
        let models_dir = PathBuf::from(app.settings_now().models_dir);
        *app.last_snapshot.lock().await = Some((Instant::now(), Arc::new(snapshot(models_dir))));

        let models = app.models().await.expect("a list");
        let of = |id: &str| models.iter().find(|model| model.id == id).expect("is known");
        let small = &of("deepseek-r1-distill-qwen-7b").fit;
        assert_eq!((small.place, small.card.as_deref()), (Place::Gpu, Some("L40S")));
        assert_eq!(small.available, 47_800_000_000.0 - f64::from(560u32 << 20));
        let large = &of("deepseek-v3").fit;
        assert_eq!((large.place, &large.card), (Place::Nowhere, &None));
        assert!(large.reason.en.contains("The L40S has too little free memory for it"), "{:?}", large.reason);
        let advice = app.recommendation().await.expect("is given");
        assert_eq!(
            (advice.model_id.as_deref(), advice.gpu_note),
            (Some("deepseek-r1-distill-qwen-32b"), None)
        );

        // A card that was named is never replaced.
        let settings = SettingsView { place: PlaceKind::Card, card: 3, ..app.settings_now() };
        app.settings_save(settings).await.expect("is saved");
        assert_eq!(app.devices(), Devices(PlaceChoice::Card(3)));
        let models = app.models().await.expect("a list");
        assert!(models.iter().all(|model| model.fit.place == Place::Nowhere));
    }

    #[tokio::test]
    async fn no_verdict_counts_on_a_card_that_does_not_compute_and_all_count_on_one_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = crate::test_app::open(folder.path()).await;
        let settings = SettingsView { place: PlaceKind::Cpu, ..app.settings_now() };
        app.settings_save(settings).await.expect("is saved");
        let models_dir = PathBuf::from(app.settings_now().models_dir);
        *app.last_snapshot.lock().await = Some((Instant::now(), Arc::new(snapshot(models_dir))));

        const NOTE: &str = "Your L40S is not used: Settings names another place to compute.";
        // Nine tenths of 25 GB less a GiB.
        let usable = 22_500_000_000.0 - f64::from(1u32 << 30);
        let advice = app.recommendation().await.expect("is given");
        assert_eq!(advice.model_id.as_deref(), Some("deepseek-r1-distill-qwen-1.5b"));
        assert_eq!((advice.download_size, advice.upgrade), (1.12e9, None));
        assert_eq!(advice.gpu_note.expect("a note").en, NOTE);
        for model in app.models().await.expect("a list") {
            assert_ne!(model.fit.place, Place::Gpu, "{}", model.id);
            assert_eq!(model.fit.available, usable, "{}", model.id);
            if model.family == FamilyKind::DenseDistill && model.fit.place == Place::Cpu {
                assert!(model.fit.needed <= usable && model.variants[0].size <= usable, "{}", model.id);
            }
        }
        let wish = |machines| SizingWish {
            model: "deepseek-r1-distill-qwen-32b".into(),
            variant: Some("q8_0".into()),
            context: 16_384,
            sequences: 1,
            small_cache: false,
            machines,
        };
        let sized = app.sizing(wish(Some("1xL40S-48G".into()))).await.expect("is sized");
        assert_eq!((sized.here.place, sized.here.card), (Place::Nowhere, None));
        assert_eq!(sized.gpu_note.expect("a note").en, NOTE);
        // Another engine may use the same GPU, which holds the model.
        assert_eq!(sized.machines.expect("is judged").verdict, contract::CardsVerdict::Holds);
        // A new snapshot has the real hardware of this computer.
        let here = app.hardware().await.expect("is seen");
        let now = app.models().await.expect("a list");
        assert!(now[0].fit.available < here.ram_available);
        assert_eq!(app.snapshot().await.expect("is kept").ram_available as f64, here.ram_available);
    }
}
