//! Second spellings of a message's fields, read as the first: a text for a list of parts or for a part, an address for an
//! image_url, an object for the JSON of a call's arguments.
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Content, ImageUrl, Part};

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text or a list of parts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Content, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Content::Parts)
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Fields {
            #[serde(rename = "type")]
            kind: String,
            text: Option<String>,
            image_url: Option<ImageUrl>,
        }

        struct TextOrFields;

        impl<'de> Visitor<'de> for TextOrFields {
            type Value = Part;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text or a part with its type")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Part, E> {
                Ok(Part { kind: "text".to_owned(), text: Some(text.to_owned()), image_url: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part, A::Error> {
                let Fields { kind, text, image_url } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Part { kind, text, image_url })
            }
        }

        deserializer.deserialize_struct("Part", &["type", "text", "image_url"], TextOrFields)
    }
}

impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Fields {
            url: String,
        }

        struct AddressOrFields;

        impl<'de> Visitor<'de> for AddressOrFields {
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

        deserializer.deserialize_struct("ImageUrl", &["url"], AddressOrFields)
    }
}

/// The text itself, or an object as Python's `json.dumps` writes it, which is what models were trained on.
pub fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        object @ Value::Object(_) => Ok(text::python_json(&object)),
        _ => Err(serde::de::Error::custom("the arguments are JSON as text, or an object")),
    }
}
