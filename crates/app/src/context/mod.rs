//! How much of a conversation's length a question takes, before it is sent; and the ways on where it is too much: the
//! oldest turns left out, or a longer conversation. Nothing is left out here: a host asks the person first.
use contract::{
    ContextQuery, ContextTrim, ContextUse, ErrorCode, ErrorView, LongerContext, MessageState, MessageView,
    PictureView, Role, SamplingView, SendRequest, Thinking,
};
use history::{History, HistoryError};

mod count;
mod estimate;

use self::count::Counter;
use crate::App;
use crate::ask::{Said, told};
use crate::convert::{message_view, picture_view};
use crate::deployments::deployment_model;
use crate::pictures::Shown;
use crate::recorder::Text;

/// Tokens that an answer should have room for, where the conversation is long enough.
const ANSWER_ROOM: u32 = 1024;
/// The shortest conversation that is offered in place of a shorter one; each further one is twice as long.
const LENGTHS_FROM: u32 = 2048;

/// A conversation that could be sent.
struct Draft {
    system_prompt: String,
    path: Vec<MessageView>,
    /// What would be added to the path.
    new: Option<MessageView>,
    /// What the answer has already.
    so_far: Text,
    /// A switch of the chat that templates write into the prompt.
    thinking: Thinking,
}

impl Draft {
    /// As the model would be told it from the message at `start` on.
    fn told_from(&self, start: usize, shown: Shown) -> Vec<Said> {
        let path = self.path[start..].iter().chain(&self.new).cloned().collect();
        told(&self.system_prompt, path, shown)
    }

    /// Where the oldest turns may be cut off: before each question but the first. The last question always stays.
    fn cuts(&self) -> Vec<usize> {
        let asks = |at: &usize| self.path.get(*at).is_some_and(|message| message.role == Role::User);
        let mut cuts: Vec<usize> = (1..self.path.len()).filter(asks).collect();
        if self.new.is_some() && !self.path.is_empty() {
            cuts.push(self.path.len());
        }
        cuts
    }
}

impl App {
    /// Counts what is about to be sent, and where it is too long finds what could be done about it.
    pub async fn context_use(&self, query: ContextQuery) -> Result<ContextUse, ErrorView> {
        let draft = self.draft_of(&query).await?;
        let counter = self.counter(&query.model_id, query.context).await?;
        let counted = counter.count(draft.told_from(0, Shown::Yes), &draft).await;
        let context = counted.context.or(query.context);
        let mut found =
            ContextUse { tokens: counted.tokens, exact: counted.exact, context, trim: None, longer: None };
        let too_long = query.refused || context.is_some_and(|context| counted.tokens >= context);
        if too_long {
            let most = match context {
                Some(context) if counted.exact => context,
                // An estimate that was refused is too low; the person can leave out more if this was not enough.
                Some(context) => context.min(counted.tokens / 4 * 3),
                None => counted.tokens / 2,
            };
            found.trim = trim(&counter, &draft, most).await;
        }
        if let Some(context) = context.filter(|_| too_long) {
            found.longer = self.longer(&query.model_id, context, counted.tokens).await?;
        }
        Ok(found)
    }

    /// Chooses the length of conversations with a model of this computer. It is loaded anew for the next question.
    ///
    /// # Errors
    /// A model that is not of this computer, or more than it was made for.
    pub async fn context_length_set(&self, model_id: &str, context: u32) -> Result<(), ErrorView> {
        let most = self.context_max(model_id)?.unwrap_or(0);
        if context == 0 || context > most {
            let message =
                format!("choose the length of conversations: {context} tokens, and {most} are possible");
            return Err(ErrorView::new(ErrorCode::InvalidInput, message)
                .with("name", "context")
                .with("allowed", format!("1-{most}")));
        }
        self.settings_change(|settings| {
            settings.contexts.insert(model_id.to_owned(), context);
        })
        .map(drop)
    }

    /// Refuses, before anything is written down, a question that the loaded model would refuse. One that is not loaded, or
    /// runs elsewhere, refuses by itself.
    pub(crate) async fn may_fit(
        &self,
        request: &SendRequest,
        model_id: &str,
        shown: Shown,
    ) -> Result<(), ErrorView> {
        if !self.runs_here(model_id) {
            return Ok(());
        }
        let counter = self.counter(model_id, None).await?;
        if !counter.is_exact() {
            return Ok(());
        }
        let asked = request.clone();
        let draft = self.with_draft(move |history| requested(history, &asked)).await?;
        let counted = counter.count(draft.told_from(0, shown), &draft).await;
        match counted.context {
            Some(context) if counted.exact && counted.tokens >= context => {
                let message =
                    format!("send the question: {} tokens, and {context} are possible", counted.tokens);
                Err(ErrorView::new(ErrorCode::PromptTooLong, message)
                    .with("tokens", counted.tokens)
                    .with("context", context))
            }
            _ => Ok(()),
        }
    }

    async fn with_draft(
        &self,
        read: impl FnOnce(&History) -> Result<Result<Draft, ErrorView>, HistoryError> + Send + 'static,
    ) -> Result<Draft, ErrorView> {
        self.with_history(read).await?
    }

    async fn draft_of(&self, query: &ContextQuery) -> Result<Draft, ErrorView> {
        let query = query.clone();
        self.with_draft(move |history| {
            let path =
                query.parent_id.map_or_else(|| Ok(Vec::new()), |parent| history.context_path(&parent))?;
            let thinking = query.chat_id.map_or_else(|| Ok(Thinking::Own), |id| thinking(history, &id))?;
            let draft = draft(history, query.system_prompt, path, &query.text, &query.pictures);
            Ok(draft.map(|draft| Draft { thinking, ..draft }))
        })
        .await
    }

    async fn counter(&self, model_id: &str, said: Option<u32>) -> Result<Counter, ErrorView> {
        if !self.runs_here(model_id) {
            let context = match deployment_model(model_id) {
                Some(id) => Some(self.deployments.context(&id)?),
                None => said,
            };
            return Ok(Counter::estimating(context));
        }
        let (Ok(launch), Ok(eyes)) = (self.launch(model_id), self.eyes(model_id)) else {
            let usual = self.context_max(model_id)?.map(|most| most.min(catalog::DEFAULT_CONTEXT));
            return Ok(Counter::estimating(usual));
        };
        let endpoint = self.workers.ready(&launch).await;
        Ok(Counter::of_worker(endpoint, eyes, launch.spec.context))
    }

    /// The next length that holds `tokens` and an answer, where the model and the memory allow it.
    async fn longer(
        &self,
        model_id: &str,
        context: u32,
        tokens: u32,
    ) -> Result<Option<LongerContext>, ErrorView> {
        let Some(most) = self.context_max(model_id)?.filter(|_| self.runs_here(model_id)) else {
            return Ok(None);
        };
        let mut length = LENGTHS_FROM;
        while length < tokens.saturating_add(ANSWER_ROOM) && length < most {
            length = length.saturating_mul(2);
        }
        let length = length.min(most);
        if length <= context || length <= tokens {
            return Ok(None);
        }
        let models = self.models().await?;
        let Some(fit) = models.iter().find(|model| model.id == model_id).map(|model| &model.fit) else {
            return Ok(None);
        };
        if fit.context == 0 {
            return Ok(None);
        }
        // What the model that runs has taken is free again before the longer one is loaded.
        let worker = self.worker().await?;
        let taken = worker.memory.filter(|_| worker.model_id.as_deref() == Some(model_id)).unwrap_or(0.0);
        let memory = fit.kv / f64::from(fit.context) * f64::from(length);
        let holds = fit.weights + fit.overhead + memory <= fit.available + taken;
        Ok(holds.then_some(LongerContext { context: length, memory }))
    }
}

/// As few of the oldest turns as leave room for an answer; where not even the last question has room for a long one, for
/// some words at least.
async fn trim(counter: &Counter, draft: &Draft, most: u32) -> Option<ContextTrim> {
    let cuts = draft.cuts();
    for room in [ANSWER_ROOM.min(most / 4), 64.min(most / 8)] {
        let limit = most.saturating_sub(room);
        // The further back the cut, the more stays.
        let (mut low, mut high, mut best) = (0, cuts.len(), None);
        while low < high {
            let middle = low.midpoint(high);
            let tokens = counter.count(draft.told_from(cuts[middle], Shown::Yes), draft).await.tokens;
            if tokens <= limit {
                (best, high) = (Some((cuts[middle], tokens)), middle);
            } else {
                low = middle + 1;
            }
        }
        if let Some((at, tokens)) = best {
            let message_id = draft.path.get(at).map(|message| message.id.clone());
            let messages = u32::try_from(at).unwrap_or(u32::MAX);
            return Some(ContextTrim { message_id, messages, tokens });
        }
    }
    None
}

fn draft(
    history: &History,
    system_prompt: String,
    path: Vec<history::Message>,
    text: &str,
    pictures: &[String],
) -> Result<Draft, ErrorView> {
    let path = path.into_iter().map(message_view).collect::<Result<Vec<_>, _>>()?;
    let pictures: Result<Vec<_>, HistoryError> =
        pictures.iter().map(|id| history.image(id).map(picture_view)).collect();
    let pictures = pictures.map_err(crate::convert::history_error)?;
    let new = (!text.trim().is_empty() || !pictures.is_empty()).then(|| unsent(text.to_owned(), pictures));
    Ok(Draft { system_prompt, path, new, so_far: Text::default(), thinking: Thinking::Own })
}

/// A message of the person that is not in the history.
fn unsent(text: String, pictures: Vec<PictureView>) -> MessageView {
    MessageView {
        id: String::new(),
        parent_id: None,
        role: Role::User,
        text,
        pictures,
        boxes: Vec::new(),
        reasoning: String::new(),
        thinking_seconds: None,
        state: MessageState::Done,
        error: None,
        stats: None,
        siblings: Vec::new(),
        created_at: String::new(),
    }
}

/// What a request would ask, before any of it is written down.
fn requested(history: &History, request: &SendRequest) -> Result<Result<Draft, ErrorView>, HistoryError> {
    let system_prompt = history.chat(&request.chat_id)?.settings.system_prompt;
    let thinking = thinking(history, &request.chat_id)?;
    let (leaf, so_far) = match (&request.continue_of, &request.retry_of) {
        (Some(id), _) => {
            let begun = history.message(id)?;
            (begun.parent_id, Text { text: begun.text, reasoning: begun.reasoning })
        }
        (None, Some(id)) => (Some(id.clone()), Text::default()),
        (None, None) => (request.parent_id.clone().filter(|_| !request.leave_out_older), Text::default()),
    };
    let path = leaf.map_or_else(|| Ok(Vec::new()), |leaf| history.context_path(&leaf))?;
    let draft = draft(history, system_prompt, path, &request.text, &request.pictures);
    Ok(draft.map(|draft| Draft { so_far, thinking, ..draft }))
}

fn thinking(history: &History, chat_id: &str) -> Result<Thinking, HistoryError> {
    let sampling: Option<SamplingView> = serde_json::from_str(&history.chat(chat_id)?.settings.sampling).ok();
    Ok(sampling.map(|sampling| sampling.thinking).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, role: Role, letters: usize) -> MessageView {
        MessageView { id: id.into(), role, ..unsent("a".repeat(letters), Vec::new()) }
    }

    /// Ten turns of 100 + 400 letters and a question of 100.
    fn long() -> Draft {
        let turn = |n: usize| {
            [message(&format!("q{n}"), Role::User, 100), message(&format!("a{n}"), Role::Assistant, 400)]
        };
        let path = (0..10).flat_map(turn).collect();
        let new = Some(message("", Role::User, 100));
        Draft {
            system_prompt: "Be brief.".into(),
            path,
            new,
            so_far: Text::default(),
            thinking: Thinking::Own,
        }
    }

    #[tokio::test]
    async fn as_few_turns_as_needed_are_left_out() {
        let (draft, counter) = (long(), Counter::estimating(None));
        let all = counter.count(draft.told_from(0, Shown::Yes), &draft).await.tokens;
        let turn = counter.count(draft.told_from(2, Shown::Yes), &draft).await.tokens;
        let each = all - turn;
        // Room for an answer is a quarter of a short conversation.
        let most = all - 1;
        let found = trim(&counter, &draft, most).await.expect("is found");
        let least_gone = (all - most * 3 / 4).div_ceil(each);
        assert_eq!(found.messages, least_gone * 2, "{found:?}");
        assert_eq!(found.message_id.as_deref(), Some(format!("q{least_gone}").as_str()));
        assert!(found.tokens <= most - most / 4 && found.tokens + each > most - most / 4);
    }

    #[tokio::test]
    async fn the_last_question_stays_whatever_goes() {
        let (mut draft, counter) = (long(), Counter::estimating(None));
        let alone = counter.count(draft.told_from(20, Shown::Yes), &draft).await.tokens;
        let found = trim(&counter, &draft, alone * 4 / 3 + 2).await.expect("everything before it goes");
        assert_eq!((found.message_id, found.messages), (None, 20));
        assert_eq!(trim(&counter, &draft, alone).await, None, "it alone is too long");
        // Where the question is in the chat already, the cut is before it.
        draft.path.extend(draft.new.take());
        draft.path[20].id = "last".into();
        let found = trim(&counter, &draft, alone * 4 / 3 + 2).await.expect("everything before it goes");
        assert_eq!((found.message_id.as_deref(), found.messages), (Some("last"), 20));
        draft.path = vec![message("only", Role::User, 9000)];
        assert_eq!(trim(&counter, &draft, 500).await, None, "there is nothing older");
    }
}
