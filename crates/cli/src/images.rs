//! Images of a question: attaches files, and prints the boxes of an answer that points at objects.
//! `app` checks and stores the files; this file does not decode an image.
use std::path::PathBuf;

use app::App;
use contract::{BoxView, ErrorView};
use messages::{CliMessage, Lang};

/// Stores each file. If one fails, the others are discarded.
pub async fn attach(app: &App, images: &[PathBuf]) -> Result<Vec<String>, ErrorView> {
    let mut ids = Vec::new();
    for image in images {
        match app.picture_add_file(image).await {
            Ok(picture) => ids.push(picture.id),
            Err(error) => {
                discard(app, &ids).await?;
                return Err(error);
            }
        }
    }
    Ok(ids)
}

/// Discards images that no message uses.
pub async fn discard(app: &App, ids: &[String]) -> Result<(), ErrorView> {
    for id in ids {
        app.picture_discard(id).await?;
    }
    Ok(())
}

pub fn print_boxes(boxes: &[BoxView], lang: Lang) {
    boxes.iter().for_each(|one| println!("{}", box_line(one, lang)));
}

/// Coordinates are pixels from the upper left corner, or in units of 1/999 where the image is unknown.
fn box_line(found: &BoxView, lang: Lang) -> String {
    let label = if found.label.is_empty() { CliMessage::NoName.text(lang) } else { &found.label };
    let areas: Vec<String> = found
        .areas
        .iter()
        .map(|area| format!("{},{} – {},{}", area.left, area.top, area.right, area.bottom))
        .collect();
    let unknown = match found.picture_id {
        Some(_) => "",
        None => CliMessage::UnknownImage.text(lang),
    };
    let areas = areas.join(CliMessage::AreaSeparator.text(lang));
    CliMessage::BoxLine.with(lang, &[("label", label), ("areas", &areas)]) + unknown
}

#[cfg(test)]
mod tests {
    use contract::AreaView;

    use super::*;

    #[test]
    fn a_box_is_a_name_and_its_corners() {
        let area = |left, right| AreaView { left, top: 2, right, bottom: 4 };
        let mut found = BoxView {
            label: "whale".into(),
            picture_id: Some("p".into()),
            areas: vec![area(1, 3), area(5, 9)],
        };
        assert_eq!(box_line(&found, Lang::En), "whale: 1,2 – 3,4; 5,2 – 9,4");
        found.picture_id = None;
        assert_eq!(
            box_line(&found, Lang::En),
            "whale: 1,2 – 3,4; 5,2 – 9,4 (of 999; which image is not known)"
        );
        found.picture_id = Some("p".into());
        found.label.clear();
        assert_eq!(box_line(&found, Lang::Zh), "（无名）：1,2 – 3,4；5,2 – 9,4");
    }
}
