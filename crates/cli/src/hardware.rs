//! `hardware`: processor, memory, GPUs and disk of this computer, as text or JSON.
//! JSON has the names and bytes of the contract; the text is in the chosen language. Measuring is on request.
use app::App;
use contract::{ErrorView, HardwareView};

use crate::json::print_json;
use messages::{CliMessage, Lang, bytes, grouped};

pub async fn hardware(app: &App, measure: bool, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let view = if measure { app.hardware_measure().await? } else { app.hardware().await? };
    if json {
        print_json(&view);
    } else {
        print!("{}", describe(&view, lang));
    }
    Ok(())
}

fn describe(view: &HardwareView, lang: Lang) -> String {
    let cpu = &view.cpu;
    let cores = CliMessage::Cores.with(lang, &[("count", &grouped(cpu.physical_cores.into()))]);
    let threads = CliMessage::Threads.with(lang, &[("count", &grouped(cpu.logical_cores.into()))]);
    let cores = [cpu.name.as_str(), &cores, &threads].join(CliMessage::Comma.text(lang));
    let of = |free: f64, total: f64| {
        CliMessage::FreeOf.with(lang, &[("free", &bytes(free)), ("total", &bytes(total))])
    };
    let mut rows = vec![
        (CliMessage::System.text(lang), view.os.clone()),
        (
            CliMessage::Processor.text(lang),
            format!("{cores} {}", cpu.features.join(" ")).trim_end().to_owned(),
        ),
        (CliMessage::Memory.text(lang), of(view.ram_available, view.ram_total)),
    ];
    if let Some(rate) = view.memory_bandwidth {
        rows.push((CliMessage::MemorySpeed.text(lang), format!("{}/s", bytes(rate))));
    }
    for gpu in &view.gpus {
        let memory = match (gpu.vram_free, gpu.vram_total) {
            (Some(free), Some(total)) => of(free, total),
            (None, Some(total)) => bytes(total),
            _ => CliMessage::MemoryUnknown.text(lang).to_owned(),
        };
        let shared = if gpu.shared_memory { CliMessage::SharedMemory.text(lang) } else { "" };
        let text = format!("{}, {memory}{shared}", gpu.name);
        rows.push((CliMessage::GraphicsCard.text(lang), text));
    }
    if view.gpus.is_empty() {
        rows.push((CliMessage::GraphicsCard.text(lang), CliMessage::NoneInUse.text(lang).to_owned()));
    }
    rows.push((
        CliMessage::Disk.text(lang),
        format!("{} ({})", of(view.disk.free, view.disk.total), view.disk.models_dir),
    ));
    let mut text: String = rows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    if let Some(note) = &view.gpu_note {
        text.push_str(&format!("{}\n", lang.pick(&note.en, &note.zh)));
    }
    if let Some(problem) = &view.gpu_problem {
        text.push_str(&messages::terminal_text(problem, lang));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use contract::{CpuView, DiskView, ErrorCode, GpuVendor, GpuView};

    use super::*;

    fn view(gpus: Vec<GpuView>) -> HardwareView {
        HardwareView {
            os: "Linux".into(),
            cpu: CpuView {
                name: "A processor".into(),
                physical_cores: 2,
                logical_cores: 4,
                features: vec!["AVX2".into()],
            },
            ram_total: 16e9,
            ram_available: 8e9,
            memory_bandwidth: Some(20e9),
            gpus,
            gpu_note: None,
            gpu_problem: Some(ErrorView::new(ErrorCode::GpuDriverMissing, "use the graphics card")),
            disk: DiskView { models_dir: "/models".into(), total: 1e12, free: 5e11 },
        }
    }

    fn in_both_languages(view: &HardwareView) -> String {
        [Lang::En, Lang::Zh].map(|lang| describe(view, lang)).join("\n")
    }

    #[test]
    fn a_machine_is_described_in_both_languages() {
        let view = view(Vec::new());
        let english = describe(&view, Lang::En);
        assert!(english.contains("Memory: 8 GB free of 16 GB\nMemory speed: 20 GB/s\n"), "{english}");
        assert!(english.contains("The graphics driver is missing"), "{english}");
        let chinese = describe(&view, Lang::Zh);
        assert!(chinese.contains("内存: 共 16 GB，可用 8 GB\n"), "{chinese}");
        assert!(chinese.contains("缺少显卡驱动"), "{chinese}");
        insta::assert_snapshot!("no_card", in_both_languages(&view));
    }

    #[test]
    fn cards_are_described_with_what_is_known_of_their_memory() {
        let card = |vram_total, vram_free, shared_memory| GpuView {
            computes: false,
            name: "A card".into(),
            vendor: GpuVendor::Nvidia,
            vram_total,
            vram_free,
            shared_memory,
            driver: "1".into(),
            cuda: None,
            compute_capability: None,
        };
        let cards = vec![
            card(Some(24e9), Some(20e9), false),
            card(Some(24e9), None, false),
            card(None, None, false),
            card(Some(16e9), Some(8e9), true),
        ];
        let one = HardwareView { memory_bandwidth: None, gpu_problem: None, ..view(cards) };
        insta::assert_snapshot!("cards", in_both_languages(&one));
    }
}
