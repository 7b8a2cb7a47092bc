//! Messages of a chat request. Second spellings are read as the first: a text for a list of parts or for a
//! part, a URL for an image_url object, an object for the JSON of a call's arguments.
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    pub role: String,
    #[serde(default)]
    pub content: MessageContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The same as vLLM and OpenRouter name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Continue this message instead of answering it: DeepSeek's chat prefix completion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prefix: bool,
    /// Bailian's name for the same. The worker does not read it.
    #[serde(skip_deserializing, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A text, or a list of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum MessageContent {
    Text(String),
    Parts(Vec<ContentPart>),
    #[default]
    Null,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContentPart {
    /// `text` or `image_url`; other kinds are refused by name.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<ImageUrl>,
}

/// `{"url": …}`, or the URL alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageUrl {
    /// The app sends `data:image/png;base64,…`, so that the server fetches nothing.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    #[serde(default)]
    pub id: String,
    #[serde(rename = "type", skip_deserializing)]
    pub kind: ToolType,
    pub function: FunctionCall,
}

/// The one kind of tool that there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolType {
    #[default]
    Function,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    pub name: String,
    #[serde(default)]
    pub arguments: Arguments,
}

/// JSON as text; some clients send the object itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    Text(String),
    Object(Map<String, Value>),
}

impl ChatMessage {
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: MessageContent::Text(content.into()), ..Self::default() }
    }

    /// With images before the text, as vision models were trained; data URLs.
    pub fn with_images(role: &str, urls: Vec<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let text = (!text.is_empty()).then(|| ContentPart::text(text));
        let content =
            MessageContent::Parts(urls.into_iter().map(ContentPart::image_url).chain(text).collect());
        Self { role: role.to_owned(), content, ..Self::default() }
    }

    /// The beginning of the answer that is to be continued; servers of other makers may not know it.
    pub fn prefix(content: impl Into<String>, reasoning: impl Into<String>) -> Self {
        let reasoning_content = Some(reasoning.into()).filter(|reasoning| !reasoning.is_empty());
        Self { reasoning_content, prefix: true, ..Self::new("assistant", content) }
    }
}

impl MessageContent {
    /// Text alone is one text, its parts on lines of their own: a model with a chat template takes no parts.
    pub fn of_parts(parts: Vec<ContentPart>) -> Self {
        if parts.iter().any(|part| part.image_url.is_some()) {
            return Self::Parts(parts);
        }
        let texts: Vec<String> = parts.into_iter().filter_map(|part| part.text).collect();
        Self::Text(texts.join("\n"))
    }
}

impl ToolCall {
    pub fn function(id: String, function: FunctionCall) -> Self {
        Self { id, kind: ToolType::Function, function }
    }
}

impl ContentPart {
    pub fn text(text: String) -> Self {
        Self { kind: "text".to_owned(), text: Some(text), image_url: None }
    }

    pub fn image_url(url: String) -> Self {
        Self { kind: "image_url".to_owned(), text: None, image_url: Some(ImageUrl { url }) }
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Null => Ok(Self::default()),
            Value::Object(object) => Ok(Self::Object(object)),
            _ => Err(serde::de::Error::custom("the arguments are JSON as text, or an object")),
        }
    }
}

impl<'de> Deserialize<'de> for MessageContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = MessageContent;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text or a list of parts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MessageContent, E> {
                Ok(MessageContent::Text(text.to_owned()))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<MessageContent, E> {
                Ok(MessageContent::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<MessageContent, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(MessageContent::Parts)
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}

impl<'de> Deserialize<'de> for ContentPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(rename = "type")]
            kind: String,
            text: Option<String>,
            image_url: Option<ImageUrl>,
        }

        struct TextOrFields;

        impl<'de> Visitor<'de> for TextOrFields {
            type Value = ContentPart;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text or a part with its type")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ContentPart, E> {
                Ok(ContentPart::text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ContentPart, A::Error> {
                let Fields { kind, text, image_url } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ContentPart { kind, text, image_url })
            }
        }

        deserializer.deserialize_struct("ContentPart", &["type", "text", "image_url"], TextOrFields)
    }
}

impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            url: String,
        }

        struct UrlOrFields;

        impl<'de> Visitor<'de> for UrlOrFields {
            type Value = ImageUrl;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an address or an object with its url")
            }

            fn visit_str<E: serde::de::Error>(self, url: &str) -> Result<ImageUrl, E> {
                Ok(ImageUrl { url: url.to_owned() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageUrl, A::Error> {
                let Fields { url } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ImageUrl { url })
            }
        }

        deserializer.deserialize_struct("ImageUrl", &["url"], UrlOrFields)
    }
}
