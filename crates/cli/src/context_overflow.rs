//! A chat that is longer than the context of its model: leaves out the oldest messages where the user allowed
//! it.
use app::App;
use contract::{ContextQuery, ErrorView, SendRequest};
use messages::{CliMessage, Lang, grouped};

/// Leaves out as many of the oldest messages as necessary and returns their number; `None` where that is not
/// enough.
pub async fn trim_context(
    app: &App,
    request: &mut SendRequest,
    model: &str,
) -> Result<Option<u32>, ErrorView> {
    let usage = app
        .context_use(ContextQuery {
            model_id: model.to_owned(),
            chat_id: Some(request.chat_id.clone()),
            parent_id: request.parent_id.clone(),
            text: request.text.clone(),
            pictures: request.pictures.clone(),
            refused: true,
            ..ContextQuery::default()
        })
        .await?;
    let Some(trim) = usage.trim else { return Ok(None) };
    match &trim.message_id {
        Some(id) => drop(app.chat_context_start(&request.chat_id, Some(id)).await?),
        None => request.leave_out_older = true,
    }
    Ok(Some(trim.messages))
}

pub fn notice(messages: u32, lang: Lang) -> String {
    CliMessage::LeftOut.with(lang, &[("count", &grouped(messages.into()))])
}
