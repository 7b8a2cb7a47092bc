//! Model facts, verdicts, recommendations and presets as views of the contract.
//! A view starts as "not downloaded": `models` adds what is on the disk. Sizes stay in bytes.
use catalog::{Fit, IdleGpus, ModelFacts, Preset, Recommendation, Sampling, Sentence, Variant};
use contract::{
    ErrorCode, ErrorView, FamilyKind, FitView, Localized, ModelState, ModelView, Place, PresetView,
    RecommendationView, SamplingView, VariantView, Verdict,
};

pub(crate) fn model_view(model: &ModelFacts, fit: &Fit) -> ModelView {
    let mut variants: Vec<VariantView> = model.variants.iter().map(variant_view).collect();
    // The sort is stable, so the other variants keep the order of the catalogue.
    variants.sort_by_key(|variant| variant.id != fit.variant_id);
    let family = match model.family {
        catalog::FamilyKind::Guide => FamilyKind::Guide,
        catalog::FamilyKind::Original => FamilyKind::Original,
        catalog::FamilyKind::DenseDistill => FamilyKind::DenseDistill,
    };
    ModelView {
        id: model.id.clone(),
        name: model.name.clone(),
        family,
        family_note: localized(&model.note),
        params_total: model.params_total as f64,
        params_active: model.params_active as f64,
        context_max: model.context_max,
        takes_images: model.takes_images,
        hybrid: model.hybrid,
        licence: model.licence.clone(),
        variants,
        fit: fit_view(fit),
        state: if family == FamilyKind::Guide { ModelState::BuiltIn } else { ModelState::NotDownloaded },
        download: None,
        disk_used: 0.0,
        linked: Vec::new(),
        precisions: Vec::new(),
        recommended: sampling_view(&model.recommended),
        runs_embedded: model.embedded,
        engines: if model.embedded { Vec::new() } else { model.engines.clone() },
        known_as: None,
        path: None,
        repository: None,
        problem: None,
    }
}

/// # Errors
/// When only other engines run the model, with their names.
pub(crate) fn runs_here(model: &ModelFacts) -> Result<(), ErrorView> {
    if model.embedded {
        return Ok(());
    }
    Err(ErrorView::new(ErrorCode::ModelNotRun, "use the model: the engine of this version cannot run it")
        .with("name", &model.name)
        .with("engine", model.engines.join(", "))
        .with("model_id", &model.id))
}

pub(crate) fn recommendation_view(advice: Recommendation, idle: &[IdleGpus]) -> RecommendationView {
    RecommendationView {
        model_id: advice.model_id,
        variant_id: advice.variant_id,
        sentence: messages::recommendation(&advice.reason),
        upgrade: advice.upgrade.as_ref().map(messages::upgrade),
        gpu_note: messages::idle_gpus(idle),
        download_size: advice.download_size as f64,
    }
}

pub(crate) fn preset_view(preset: &Preset) -> PresetView {
    PresetView {
        id: preset.id.clone(),
        name: localized(&preset.name),
        what_for: localized(&preset.what_for),
        sampling: sampling_view(&preset.sampling),
    }
}

pub(crate) fn sampling_view(sampling: &Sampling) -> SamplingView {
    SamplingView {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        min_p: sampling.min_p,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repetition_penalty: sampling.repetition_penalty,
        ..SamplingView::default()
    }
}

pub(crate) fn fit_view(fit: &Fit) -> FitView {
    FitView {
        verdict: match fit.verdict {
            catalog::Verdict::RunsWell => Verdict::RunsWell,
            catalog::Verdict::ShortContext => Verdict::ShortContext,
            catalog::Verdict::Slow => Verdict::Slow,
            catalog::Verdict::TooLarge => Verdict::TooLarge,
        },
        reason: messages::fit_reason(&fit.reason, fit.shortage.as_ref()),
        place: match fit.device {
            catalog::ComputeDevice::Gpu => Place::Gpu,
            catalog::ComputeDevice::Cpu => Place::Cpu,
            catalog::ComputeDevice::None => Place::Nowhere,
        },
        card: fit.card.clone(),
        context: fit.context,
        weights: fit.weights as f64,
        kv: fit.kv as f64,
        overhead: fit.overhead as f64,
        needed: fit.needed as f64,
        available: fit.available as f64,
        speed_estimate: fit.speed_estimate,
    }
}

pub(crate) fn variant_view(variant: &Variant) -> VariantView {
    VariantView {
        id: variant.id.clone(),
        precision: variant.precision.clone(),
        size: variant.download() as f64,
        size_computed: variant.size_computed,
        repo_hugging_face: variant.repo_hugging_face.clone(),
        repo_model_scope: variant.repo_model_scope.clone(),
        note: variant.note.as_ref().map(localized),
    }
}

fn localized(sentence: &Sentence) -> Localized {
    Localized { en: sentence.en.clone(), zh: sentence.zh.clone() }
}
