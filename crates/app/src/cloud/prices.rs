//! Prices of cloud models that the user wrote into `prices.toml` of the data folder. No price is built in,
//! because prices change; each has a date and a source. The file is read at each use;
//! docs/guides/en/prices.md has its format.
use std::path::{Path, PathBuf};

use contract::{CostView, ErrorCode, ErrorView};
use serde::Deserialize;

use crate::model_ref::cloud_model;

const FILE: &str = "prices.toml";
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    service: String,
    model: String,
    currency: String,
    input: f64,
    output: f64,
    date: jiff::civil::Date,
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    price: Vec<Price>,
}

#[derive(Debug, Default)]
pub(crate) struct Prices(Vec<Price>);

impl Prices {
    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE)
    }

    /// Empty where there is no file.
    ///
    /// # Errors
    /// `prices_unreadable` when the file is not valid.
    pub(crate) fn read(data_dir: &Path) -> Result<Self, ErrorView> {
        let path = Self::path(data_dir);
        let bad = |reason: String| {
            ErrorView::new(ErrorCode::PricesUnreadable, format!("read the prices: {reason}"))
                .with("path", path.display())
                .with("reason", reason)
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(bad(error.to_string())),
        };
        let file: File = toml::from_str(&text).map_err(|error| bad(error.message().to_owned()))?;
        if file.version != VERSION {
            return Err(bad(format!("version {} is not known", file.version)));
        }
        let valid = |price: &Price| {
            [price.input, price.output].iter().all(|amount| amount.is_finite() && *amount >= 0.0)
                && [&price.currency, &price.source].iter().all(|text| !text.trim().is_empty())
        };
        match file.price.iter().find(|price| !valid(price)) {
            Some(price) => Err(bad(format!("the price of {} is not complete", price.model))),
            None => Ok(Self(file.price)),
        }
    }

    /// The cost of one answer; `None` where no price is known.
    pub(crate) fn cost(
        &self,
        model_id: &str,
        (prompt_tokens, completion_tokens): (u32, u32),
    ) -> Option<CostView> {
        let (service, model) = cloud_model(model_id)?;
        let price = self.0.iter().find(|price| price.service == service && price.model == model)?;
        Some(CostView {
            amount: (f64::from(prompt_tokens) * price.input + f64::from(completion_tokens) * price.output)
                / 1e6,
            currency: price.currency.clone(),
            input: price.input,
            output: price.output,
            date: price.date.to_string(),
            source: price.source.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: &str = "service = 'deepseek'\nmodel = 'flash'\ncurrency = 'USD'\ninput = 0.5\noutput = 2\n\
        date = '2026-11-20'\nsource = 'https://example.com/pricing'\n";

    fn read(text: &str) -> Result<Prices, ErrorView> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), text).expect("is written");
        Prices::read(folder.path())
    }

    #[test]
    fn a_cost_is_told_only_where_its_price_is_known() {
        let prices = read(&format!("version = 1\n[[price]]\n{PRICE}")).expect("is read");
        let cost = prices.cost("cloud:deepseek/flash", (1_000_000, 500_000)).expect("is known");
        assert_eq!((cost.amount, cost.currency.as_str(), cost.date.as_str()), (1.5, "USD", "2026-11-20"));
        for unknown in ["cloud:deepseek/pro", "cloud:other/flash", "guide"] {
            assert_eq!(prices.cost(unknown, (1, 1)), None, "{unknown}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Prices::read(folder.path()).expect("is empty").0.is_empty());
    }

    #[test]
    fn a_price_without_a_date_or_a_source_is_refused() {
        for (from, to) in [
            ("date = '2026-11-20'\n", ""),
            ("'2026-11-20'", "'soon'"),
            ("'https://example.com/pricing'", "' '"),
            ("input = 0.5", "input = -1"),
            ("model", "modle"),
        ] {
            let text = format!("version = 1\n[[price]]\n{}", PRICE.replace(from, to));
            let refused = read(&text).expect_err("is refused");
            assert_eq!(refused.code, ErrorCode::PricesUnreadable, "{text}");
            assert!(!refused.detail["reason"].is_empty());
        }
        assert_eq!(read("version = 2").expect_err("is refused").code, ErrorCode::PricesUnreadable);
    }
}
