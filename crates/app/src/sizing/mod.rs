//! "Can I run it?" as a use case: one model at one precision on this computer, in the GPU table, and on hosts
//! that the user names; as a view, as CSV and as SVG. Starts nothing and connects to nothing.
use catalog::{
    Catalog, Demand, Devices, KvDtype, ModelFacts, Row, Spec, Variant, best_fit, fit, flagged_claims,
    row_for, table,
};
use contract::{ErrorView, SizingView, SizingWish};
use plan::Inventory;

use crate::App;
use crate::convert::{cards_view, claim_view, fit_view, invalid, variant_view};
use crate::plans::{find_model, inventory, not_zero};
use messages::Lang;

mod svg;

/// A request with its names resolved.
struct SizingQuery {
    model: &'static ModelFacts,
    variant: &'static Variant,
    demand: Demand,
    machines: Option<Inventory>,
}

impl SizingQuery {
    fn rows(&self) -> Vec<Row<'static>> {
        let rows = table(Catalog::builtin(), self.model, self.demand);
        rows.into_iter().filter(|row| row.variant.id == self.variant.id).collect()
    }
}

impl App {
    /// # Errors
    /// When the model, its files or the machines are not known, and when a number is 0.
    pub async fn sizing(&self, wish: SizingWish) -> Result<SizingView, ErrorView> {
        let snapshot = self.snapshot().await?;
        let query = resolve(&wish, &snapshot, self.devices())?;
        let SizingQuery { model, variant, demand, .. } = query;
        let spec = Spec {
            variant: variant.id.clone(),
            context: demand.context,
            sequences: demand.sequences,
            kv: demand.kv,
        };
        let here = fit(&snapshot, self.devices(), model, &spec);
        let view = |row: &Row| cards_view(model, row, demand);
        let machines = query.machines.as_ref().and_then(|inventory| {
            let count = (inventory.hosts, inventory.hosts * inventory.gpus_per_host);
            // The GPU of the catalogue, which has a static lifetime.
            let gpu = Catalog::builtin().gpu(&inventory.gpu.label())?;
            row_for(model, variant, gpu, count, demand)
        });
        Ok(SizingView {
            model_id: model.id.clone(),
            model_name: model.name.clone(),
            variants: model.variants.iter().map(variant_view).collect(),
            variant_id: variant.id.clone(),
            gguf: variant.is_gguf(),
            context: demand.context.min(model.context_max),
            context_max: model.context_max,
            sequences: demand.sequences,
            here_experts: model.expert_bytes(here.weights) as f64,
            here: fit_view(&here),
            gpu_note: messages::idle_gpus(&self.devices().idle(&snapshot)),
            machines: machines.as_ref().map(view),
            rows: query.rows().iter().map(view).collect(),
            claims: flagged_claims(model).iter().map(|flag| claim_view(model, flag)).collect(),
        })
    }

    /// The table as CSV, which is the same in every language.
    ///
    /// # Errors
    /// As [`App::sizing`].
    pub async fn sizing_csv(&self, wish: SizingWish) -> Result<String, ErrorView> {
        let query = resolve(&wish, &*self.snapshot().await?, self.devices())?;
        Ok(catalog::csv(query.model, &query.rows()))
    }

    /// The verdict of this computer and the table, drawn as one SVG.
    ///
    /// # Errors
    /// As [`App::sizing`].
    pub async fn sizing_picture(&self, wish: SizingWish, lang: Lang) -> Result<String, ErrorView> {
        Ok(svg::draw(&self.sizing(wish).await?, lang))
    }
}

fn resolve(
    wish: &SizingWish,
    snapshot: &::hardware::Snapshot,
    devices: Devices,
) -> Result<SizingQuery, ErrorView> {
    let model = find_model(&wish.model)?;
    not_zero("context", wish.context)?;
    not_zero("sequences", wish.sequences)?;
    let best;
    let id = match &wish.variant {
        Some(id) => id,
        None => {
            best = best_fit(snapshot, devices, model, wish.context, KvDtype::Bf16).variant_id;
            &best
        }
    };
    let variant = model.variants.iter().find(|variant| variant.id == *id).ok_or_else(|| {
        let all = model.variants.iter().map(|variant| variant.id.as_str()).collect::<Vec<_>>().join(", ");
        invalid(format!("size the model: {} has no files `{id}`", model.name), "variant", all)
    })?;
    let kv = match (wish.small_cache, variant.is_gguf()) {
        (false, _) => KvDtype::Bf16,
        (true, false) => KvDtype::Fp8,
        (true, true) => KvDtype::Q8,
    };
    let machines = wish.machines.as_deref().map(inventory).transpose()?;
    Ok(SizingQuery {
        model,
        variant,
        demand: Demand { context: wish.context, sequences: wish.sequences, kv },
        machines,
    })
}

#[cfg(test)]
mod tests {
    use contract::{CardsVerdict, ErrorCode};

    use super::*;

    fn wish(model: &str, variant: &str) -> SizingWish {
        SizingWish {
            model: model.into(),
            variant: Some(variant.into()),
            context: 8192,
            sequences: 2,
            small_cache: false,
            machines: None,
        }
    }

    async fn app() -> (tempfile::TempDir, App) {
        let folder = tempfile::tempdir().expect("a folder");
        let app = crate::test_app::open(folder.path()).await;
        (folder, app)
    }

    #[tokio::test]
    async fn every_part_of_a_card_is_told_and_adds_up() {
        let (_folder, app) = app().await;
        let wish = SizingWish { machines: Some("2x8xH100-80G".into()), ..wish("DeepSeek-R1", "fp8") };
        let view = app.sizing(wish).await.expect("is sized");
        let cards = view.machines.expect("so many share it");
        assert_eq!((cards.verdict, cards.count, cards.nodes), (CardsVerdict::Holds, 16, 2));
        // 688.6 GB on 16 cards.
        assert!((cards.weights + cards.experts - 688.6e9 / 16.0).abs() < 1e6, "{cards:?}");
        assert!(cards.experts > 0.96 * (cards.weights + cards.experts));
        // Two conversations of 8,192 tokens at 70,272 bytes, on every card.
        assert_eq!(cards.kv, 2.0 * 8192.0 * 70_272.0);
        assert!(cards.weights + cards.experts + cards.overhead + cards.kv <= cards.budget);
        assert!(view.here_experts <= view.here.weights);
        // The verdict of this computer is for the same conversations, unless it has memory for shorter ones
        // only.
        let short = view.here.verdict == contract::Verdict::ShortContext;
        assert!(short || view.here.kv >= 2.0 * 8192.0 * 70_272.0, "{:?}", view.here);
        let row = view.rows.iter().find(|row| row.card == "H100-80G").expect("is known");
        assert_eq!(row.machines, "2x8xH100-80G");
        assert_eq!(view.rows.len(), Catalog::builtin().gpus().len());
        let of = |card: &str| view.rows.iter().find(|row| row.card == card).expect("is known");
        assert_eq!((of("T4-16G").verdict, &of("T4-16G").only), (CardsVerdict::NoFp8, &None));
        let ampere = of("A100-80G");
        assert_eq!((ampere.verdict, ampere.only.as_deref()), (CardsVerdict::Holds, Some("vllm")));
        assert!(view.claims.iter().any(|claim| claim.machines.as_deref() == Some("8xH100-80G")));
        assert!(view.claims.iter().all(|claim| claim.size > 0.0 && claim.claimed > 0.0));
    }

    #[tokio::test]
    async fn what_is_not_known_is_refused_with_what_is() {
        let (_folder, app) = app().await;
        let known = wish("deepseek-r1", "fp8");
        let of = |wish| app.sizing(wish);
        let unknown = of(SizingWish { model: "gpt".into(), ..known.clone() }).await.expect_err("is unknown");
        assert_eq!(unknown.code, ErrorCode::ModelNotFound);
        for (wish, name) in [
            (SizingWish { variant: Some("q1".into()), ..known.clone() }, "variant"),
            (SizingWish { context: 0, ..known.clone() }, "context"),
            (SizingWish { sequences: 0, ..known.clone() }, "sequences"),
            (SizingWish { machines: Some("8xBanana".into()), ..known.clone() }, "gpus"),
        ] {
            let refused = of(wish).await.expect_err("is refused");
            assert_eq!((refused.code, refused.detail["name"].as_str()), (ErrorCode::InvalidInput, name));
        }
        let best = of(SizingWish { variant: None, ..known }).await.expect("takes the best");
        assert!(best.variants.iter().any(|variant| variant.id == best.variant_id));
    }

    #[tokio::test]
    async fn the_sheet_and_the_picture_tell_the_same_cards() {
        let (_folder, app) = app().await;
        let wish = wish("deepseek-r1", "fp8");
        let sheet = app.sizing_csv(wish.clone()).await.expect("is written");
        let view = app.sizing(wish.clone()).await.expect("is sized");
        assert_eq!(sheet.lines().count(), view.rows.len() + 1);
        for lang in [Lang::En, Lang::Zh] {
            let picture = app.sizing_picture(wish.clone(), lang).await.expect("is drawn");
            assert!(view.rows.iter().all(|row| picture.contains(&format!(">{}<", row.card))));
            assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
        }
    }
}
