//! Documents that are archives of XML: Office Open XML and OpenDocument.
//! Sheets are not here: a library reads those of both.
mod archive;
mod builder;
mod odf;
mod presentation;
mod word;
mod xml;

pub use self::archive::archive_kind;
pub use self::odf::open_document;
pub use self::presentation::presentation;
pub use self::word::word;
