//! `hardware`: processor, memory, GPUs and disk of this computer, as text or JSON.
//! JSON has the names and bytes of the contract; the text is in the chosen language. Measuring is on request.
use app::App;
use contract::{ErrorView, HardwareView};

use crate::json::print_json;
use messages::{Lang, bytes, counted};

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
    let cores = counted(lang, cpu.physical_cores.into(), ("core", "cores"), "核");
    let threads = counted(lang, cpu.logical_cores.into(), ("thread", "threads"), "线程");
    let cores = [cpu.name.as_str(), &cores, &threads].join(lang.pick(", ", "，"));
    let of = |free: f64, total: f64| match lang {
        Lang::En => format!("{} free of {}", bytes(free), bytes(total)),
        Lang::Zh => format!("共 {}，可用 {}", bytes(total), bytes(free)),
    };
    let mut rows = vec![
        (lang.pick("System", "系统"), view.os.clone()),
        (
            lang.pick("Processor", "处理器"),
            format!("{cores} {}", cpu.features.join(" ")).trim_end().to_owned(),
        ),
        (lang.pick("Memory", "内存"), of(view.ram_available, view.ram_total)),
    ];
    if let Some(rate) = view.memory_bandwidth {
        rows.push((lang.pick("Memory speed", "内存速度"), format!("{}/s", bytes(rate))));
    }
    for gpu in &view.gpus {
        let memory = match (gpu.vram_free, gpu.vram_total) {
            (Some(free), Some(total)) => of(free, total),
            (None, Some(total)) => bytes(total),
            _ => lang.pick("memory unknown", "显存大小未知").to_owned(),
        };
        let shared = if gpu.shared_memory {
            lang.pick(" (shared with the system)", "（与系统共用）")
        } else {
            ""
        };
        let text = format!("{}, {memory}{shared}", gpu.name);
        rows.push((lang.pick("Graphics card", "显卡"), text));
    }
    if view.gpus.is_empty() {
        rows.push((
            lang.pick("Graphics card", "显卡"),
            lang.pick("none in use", "没有可用的显卡").to_owned(),
        ));
    }
    rows.push((
        lang.pick("Disk", "磁盘"),
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
