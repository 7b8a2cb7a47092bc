//! Counts the tokens of a prompt before it is sent. For one that is too long it suggests which of the oldest
//! turns to exclude, or a longer context. It excludes nothing itself: the host asks the user first.
use contract::{
    ContextQuery, ContextTrim, ContextUse, DocumentView, ErrorCode, ErrorView, LongerContext, MessageState,
    MessageView, ModelSettings, PictureView, Role, SamplingView, SendRequest, Thinking,
};
use history::{History, HistoryError};
use serde_json::Value;

mod count;

use self::count::Counter;
use crate::App;
use crate::answer::{AnswerText, PromptMessage, prompt_messages};
use crate::convert::{document_view, history_error, invalid, message_view, picture_view};
use crate::documents::{DocumentMode, Library, with_documents};
use crate::folder_prompt::FolderPrompt;
use crate::images::ImagePolicy;
use crate::model_ref::deployment_model;

/// Tokens that are reserved for an answer, where the context is long enough.
const ANSWER_TOKENS: u32 = 1024;
/// The shortest context length that is suggested; each further one is twice as long.
const MIN_LENGTH: u32 = 2048;

/// A prompt before it is sent.
struct Draft {
    /// With the instructions of the chat's folder.
    system_prompt: String,
    path: Vec<MessageView>,
    /// The new message after the path.
    new: Option<MessageView>,
    /// The text so far of an answer that is continued.
    partial: AnswerText,
    /// The thinking mode of the chat, which chat templates write into the prompt.
    thinking: Thinking,
    /// The documents of the folder.
    shared: Vec<DocumentView>,
    /// The documents of the path, of the new message and of the folder.
    library: Library,
    /// The functions that are offered.
    tools: Vec<Value>,
}

impl Draft {
    /// The messages of the prompt, from the message at `start` on.
    fn messages_from(
        &self,
        start: usize,
        images: ImagePolicy,
        documents: DocumentMode,
    ) -> Result<Vec<PromptMessage>, ErrorView> {
        let path = self.path[start..].iter().chain(&self.new).cloned().collect();
        let (path, _) =
            with_documents(path, &self.shared, &self.library, documents).map_err(history_error)?;
        Ok(prompt_messages(&self.system_prompt, path, images))
    }

    /// The positions where older turns may be excluded: before each user message but the first. The last user
    /// message always stays.
    fn cuts(&self) -> Vec<usize> {
        let starts_turn = |at: &usize| self.path.get(*at).is_some_and(|message| message.role == Role::User);
        let mut cuts: Vec<usize> = (1..self.path.len()).filter(starts_turn).collect();
        if self.new.is_some() && !self.path.is_empty() {
            cuts.push(self.path.len());
        }
        cuts
    }
}

impl App {
    /// Counts the tokens of a prompt. For one that is too long it also finds what could be changed.
    pub async fn context_use(&self, query: ContextQuery) -> Result<ContextUse, ErrorView> {
        let draft = self.draft_of(&query).await?;
        let counter = self.counter(&query.model_id, query.context).await?;
        let draft = Draft { tools: if query.tools { self.known_functions()? } else { Vec::new() }, ..draft };
        let documents = document_mode(&counter, &draft, ImagePolicy::Include).await?;
        let counted = counter.count(draft.messages_from(0, ImagePolicy::Include, documents)?, &draft).await;
        let context = counted.context.or(query.context);
        let mut found = ContextUse {
            tokens: counted.tokens,
            exact: counted.exact,
            context,
            searched: documents != DocumentMode::Whole,
            trim: None,
            longer: None,
        };
        let too_long = query.refused || context.is_some_and(|context| counted.tokens >= context);
        if too_long {
            let most = match context {
                Some(context) if counted.exact => context,
                // A refused estimate is too low; the user can exclude more if this is not enough.
                Some(context) => context.min(counted.tokens / 4 * 3),
                None => counted.tokens / 2,
            };
            found.trim = trim(&counter, &draft, documents, most).await?;
        }
        if let Some(context) = context.filter(|_| too_long) {
            found.longer = self.longer(&query.model_id, context, counted.tokens).await?;
        }
        Ok(found)
    }

    /// Sets the context length of a model of this computer. The model is loaded again for the next prompt.
    ///
    /// # Errors
    /// When the model is not of this computer, or the length is more than it supports.
    pub async fn context_length_set(&self, model_id: &str, context: u32) -> Result<(), ErrorView> {
        let most = self.context_max(model_id)?.unwrap_or(0);
        if context == 0 || context > most {
            let message =
                format!("choose the length of conversations: {context} tokens, and {most} are possible");
            return Err(invalid(message, "context", format!("1-{most}")));
        }
        let settings = self.model_settings_now(model_id);
        self.model_settings_write(model_id, ModelSettings { context: Some(context), ..settings })
    }

    /// How the documents of a request go into its prompt. Refuses, before anything is stored, a prompt that
    /// the loaded model would refuse. A model that is not loaded, or runs elsewhere, refuses it itself.
    pub(crate) async fn check_length(
        &self,
        request: &SendRequest,
        model_id: &str,
        images: ImagePolicy,
        tools: Vec<Value>,
    ) -> Result<DocumentMode, ErrorView> {
        let counter = self.counter(model_id, None).await?;
        let asked = request.clone();
        let draft =
            self.with_draft(&request.chat_id, move |history| draft_of_request(history, &asked)).await?;
        let draft = Draft { tools, ..draft };
        let documents = document_mode(&counter, &draft, images).await?;
        if !self.runs_here(model_id) || !counter.is_exact() {
            return Ok(documents);
        }
        let counted = counter.count(draft.messages_from(0, images, documents)?, &draft).await;
        match counted.context {
            Some(context) if counted.exact && counted.tokens >= context => {
                let message =
                    format!("send the question: {} tokens, and {context} are possible", counted.tokens);
                Err(ErrorView::new(ErrorCode::PromptTooLong, message)
                    .with("tokens", counted.tokens)
                    .with("context", context))
            }
            _ => Ok(documents),
        }
    }

    /// The context length of a model, as far as it is known.
    pub(crate) async fn context_of(&self, model_id: &str) -> Result<Option<u32>, ErrorView> {
        Ok(self.counter(model_id, None).await?.context())
    }

    async fn with_draft(
        &self,
        chat_id: &str,
        read: impl FnOnce(&History) -> Result<Result<Draft, ErrorView>, HistoryError> + Send + 'static,
    ) -> Result<Draft, ErrorView> {
        self.with_history_of(chat_id, read).await?
    }

    async fn draft_of(&self, query: &ContextQuery) -> Result<Draft, ErrorView> {
        let chat_id = query.chat_id.clone().unwrap_or_default();
        let query = query.clone();
        self.with_draft(&chat_id, move |history| {
            let path =
                query.parent_id.map_or_else(|| Ok(Vec::new()), |parent| history.context_path(&parent))?;
            let folder = match (&query.chat_id, &query.folder_id) {
                (Some(chat), _) => FolderPrompt::of_chat(history, chat)?,
                (None, Some(folder)) => FolderPrompt::of_folder(history, folder)?,
                (None, None) => FolderPrompt::default(),
            };
            let thinking = query.chat_id.map_or_else(|| Ok(Thinking::Own), |id| thinking(history, &id))?;
            let new = NewText { text: &query.text, pictures: &query.pictures, documents: &query.documents };
            let draft = draft(history, &folder, &query.system_prompt, path, &new);
            Ok(draft.map(|draft| Draft { thinking, ..draft }))
        })
        .await
    }

    async fn counter(&self, model_id: &str, reported: Option<u32>) -> Result<Counter, ErrorView> {
        if !self.runs_here(model_id) {
            let context = match deployment_model(model_id) {
                Some(id) => Some(self.deployments.context(&id)?),
                None => reported,
            };
            return Ok(Counter::estimating(context));
        }
        let (Ok(launch), Ok(support)) = (self.launch(model_id), self.image_support(model_id)) else {
            let default = self.context_max(model_id)?.map(|most| most.min(catalog::DEFAULT_CONTEXT));
            return Ok(Counter::estimating(default));
        };
        let endpoint = self.workers.ready(&launch).await;
        Ok(Counter::of_worker(endpoint, support, launch.context()))
    }

    /// The next length for `tokens` and an answer, if the model and the memory allow it.
    async fn longer(
        &self,
        model_id: &str,
        context: u32,
        tokens: u32,
    ) -> Result<Option<LongerContext>, ErrorView> {
        let Some(most) = self.context_max(model_id)?.filter(|_| self.runs_here(model_id)) else {
            return Ok(None);
        };
        let mut length = MIN_LENGTH;
        while length < tokens.saturating_add(ANSWER_TOKENS) && length < most {
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
        // The memory of the running model is freed before it is loaded with the longer context.
        let worker = self.worker().await?;
        let taken = worker.memory.filter(|_| worker.model_id.as_deref() == Some(model_id)).unwrap_or(0.0);
        let memory = fit.kv / f64::from(fit.context) * f64::from(length);
        let holds = fit.weights + fit.overhead + memory <= fit.available + taken;
        Ok(holds.then_some(LongerContext { context: length, memory }))
    }
}

/// The fewest of the oldest turns whose exclusion leaves room for an answer; for a short answer where the
/// last user message alone leaves no room for a long one.
async fn trim(
    counter: &Counter,
    draft: &Draft,
    documents: DocumentMode,
    most: u32,
) -> Result<Option<ContextTrim>, ErrorView> {
    let cuts = draft.cuts();
    for room in [ANSWER_TOKENS.min(most / 4), 64.min(most / 8)] {
        let limit = most.saturating_sub(room);
        // An earlier cut keeps more messages.
        let (mut low, mut high, mut best) = (0, cuts.len(), None);
        while low < high {
            let middle = low.midpoint(high);
            let messages = draft.messages_from(cuts[middle], ImagePolicy::Include, documents)?;
            let tokens = counter.count(messages, draft).await.tokens;
            if tokens <= limit {
                (best, high) = (Some((cuts[middle], tokens)), middle);
            } else {
                low = middle + 1;
            }
        }
        if let Some((at, tokens)) = best {
            let message_id = draft.path.get(at).map(|message| message.id.clone());
            let messages = u32::try_from(at).unwrap_or(u32::MAX);
            return Ok(Some(ContextTrim { message_id, messages, tokens }));
        }
    }
    Ok(None)
}

/// Documents are in the prompt as a whole where they fit with room for an answer.
async fn document_mode(
    counter: &Counter,
    draft: &Draft,
    images: ImagePolicy,
) -> Result<DocumentMode, ErrorView> {
    let Some(context) = counter.context().filter(|_| !draft.library.is_empty()) else {
        return Ok(DocumentMode::Whole);
    };
    let messages = |mode| draft.messages_from(0, images, mode);
    let limit = context - ANSWER_TOKENS.min(context / 4);
    let estimated =
        Counter::estimating(Some(context)).count(messages(DocumentMode::Whole)?, draft).await.tokens;
    // No tokenizer makes half of it: a book is not counted with every letter that is typed.
    if estimated < context.saturating_mul(2) {
        let whole = counter.count(messages(DocumentMode::Whole)?, draft).await;
        // An estimate may be too low, and a prompt that is too long would be refused.
        let margin = if whole.exact { 0 } else { whole.tokens / 5 };
        if whole.tokens.saturating_add(margin) <= limit {
            return Ok(DocumentMode::Whole);
        }
    }
    let without = counter.count(messages(DocumentMode::Searched { room: 0 })?, draft).await.tokens;
    let most = limit.saturating_sub(without);
    let mut room = most;
    // Passages are chosen by estimates, which are corrected by what they really take.
    for _ in 0..3 {
        let searched = counter.count(messages(DocumentMode::Searched { room })?, draft).await.tokens;
        let taken = searched.saturating_sub(without);
        if taken <= most {
            break;
        }
        room = (f64::from(room) * f64::from(most) / f64::from(taken) * 0.9) as u32;
    }
    Ok(DocumentMode::Searched { room })
}

/// A new message before it is sent.
struct NewText<'a> {
    text: &'a str,
    /// Ids.
    pictures: &'a [String],
    documents: &'a [String],
}

fn draft(
    history: &History,
    folder: &FolderPrompt,
    own_system_prompt: &str,
    path: Vec<history::Message>,
    new: &NewText,
) -> Result<Draft, ErrorView> {
    let attached = [new.documents, &folder.document_ids()].concat();
    let library = Library::load(history, &path, &attached).map_err(history_error)?;
    let shared = folder.document_views()?;
    let path = path.into_iter().map(message_view).collect::<Result<Vec<_>, _>>()?;
    let picture = |id: &String| history.image(id).map(picture_view).map_err(history_error);
    let pictures: Vec<PictureView> = new.pictures.iter().map(picture).collect::<Result<_, _>>()?;
    let document = |id: &String| document_view(history.document(id).map_err(history_error)?);
    let documents: Vec<DocumentView> = new.documents.iter().map(document).collect::<Result<_, _>>()?;
    let any = !new.text.trim().is_empty() || !pictures.is_empty() || !documents.is_empty();
    // The first question of a chat has the documents of its folder.
    let any = any || (path.is_empty() && !shared.is_empty());
    let new = any.then(|| unsent(new.text.to_owned(), pictures, documents));
    let (partial, thinking) = (AnswerText::default(), Thinking::Own);
    let tools = Vec::new();
    let system_prompt = folder.system_prompt(own_system_prompt);
    Ok(Draft { system_prompt, path, new, partial, thinking, shared, library, tools })
}

/// A user message that is not in the history.
fn unsent(text: String, pictures: Vec<PictureView>, documents: Vec<DocumentView>) -> MessageView {
    MessageView {
        id: String::new(),
        parent_id: None,
        role: Role::User,
        text,
        pictures,
        documents,
        passages: Vec::new(),
        calls: Vec::new(),
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

/// The prompt of a request, before any of it is stored.
fn draft_of_request(
    history: &History,
    request: &SendRequest,
) -> Result<Result<Draft, ErrorView>, HistoryError> {
    let system_prompt = history.chat(&request.chat_id)?.settings.system_prompt;
    let folder = FolderPrompt::of_chat(history, &request.chat_id)?;
    let thinking = thinking(history, &request.chat_id)?;
    let (leaf, partial) = match (&request.continue_of, &request.retry_of) {
        (Some(id), _) => {
            let answer = history.message(id)?;
            (answer.parent_id, AnswerText { text: answer.text, reasoning: answer.reasoning })
        }
        (None, Some(id)) => (Some(id.clone()), AnswerText::default()),
        (None, None) => {
            (request.parent_id.clone().filter(|_| !request.leave_out_older), AnswerText::default())
        }
    };
    let path = leaf.map_or_else(|| Ok(Vec::new()), |leaf| history.context_path(&leaf))?;
    let new = NewText { text: &request.text, pictures: &request.pictures, documents: &request.documents };
    let draft = draft(history, &folder, &system_prompt, path, &new);
    Ok(draft.map(|draft| Draft { partial, thinking, ..draft }))
}

fn thinking(history: &History, chat_id: &str) -> Result<Thinking, HistoryError> {
    let sampling: Option<SamplingView> = serde_json::from_str(&history.chat(chat_id)?.settings.sampling).ok();
    Ok(sampling.map(|sampling| sampling.thinking).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, role: Role, letters: usize) -> MessageView {
        MessageView { id: id.into(), role, ..unsent("a".repeat(letters), Vec::new(), Vec::new()) }
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
            partial: AnswerText::default(),
            thinking: Thinking::Own,
            tools: Vec::new(),
            shared: Vec::new(),
            library: Library::default(),
        }
    }

    #[tokio::test]
    async fn as_few_turns_as_needed_are_left_out() {
        let (draft, counter) = (long(), Counter::estimating(None));
        let all = counter
            .count(
                draft.messages_from(0, ImagePolicy::Include, DocumentMode::Whole).expect("no document"),
                &draft,
            )
            .await
            .tokens;
        let turn = counter
            .count(
                draft.messages_from(2, ImagePolicy::Include, DocumentMode::Whole).expect("no document"),
                &draft,
            )
            .await
            .tokens;
        let each = all - turn;
        // Room for an answer is a quarter of a short conversation.
        let most = all - 1;
        let found =
            trim(&counter, &draft, DocumentMode::Whole, most).await.expect("no document").expect("is found");
        let least_gone = (all - most * 3 / 4).div_ceil(each);
        assert_eq!(found.messages, least_gone * 2, "{found:?}");
        assert_eq!(found.message_id.as_deref(), Some(format!("q{least_gone}").as_str()));
        assert!(found.tokens <= most - most / 4 && found.tokens + each > most - most / 4);
    }

    #[tokio::test]
    async fn the_last_question_stays_whatever_goes() {
        let (mut draft, counter) = (long(), Counter::estimating(None));
        let alone = counter
            .count(
                draft.messages_from(20, ImagePolicy::Include, DocumentMode::Whole).expect("no document"),
                &draft,
            )
            .await
            .tokens;
        let found = trim(&counter, &draft, DocumentMode::Whole, alone * 4 / 3 + 2)
            .await
            .expect("no document")
            .expect("everything before it goes");
        assert_eq!((found.message_id, found.messages), (None, 20));
        assert_eq!(
            trim(&counter, &draft, DocumentMode::Whole, alone).await.expect("no document"),
            None,
            "it alone is too long"
        );
        // The last user message is stored already, so the cut is before it.
        draft.path.extend(draft.new.take());
        draft.path[20].id = "last".into();
        let found = trim(&counter, &draft, DocumentMode::Whole, alone * 4 / 3 + 2)
            .await
            .expect("no document")
            .expect("everything before it goes");
        assert_eq!((found.message_id.as_deref(), found.messages), (Some("last"), 20));
        draft.path = vec![message("only", Role::User, 9000)];
        assert_eq!(
            trim(&counter, &draft, DocumentMode::Whole, 500).await.expect("no document"),
            None,
            "there is nothing older"
        );
    }
}
