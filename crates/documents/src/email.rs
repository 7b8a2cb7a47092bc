//! An e-mail: its head, its text, and the names of what is attached. Attachments are not opened: each can be
//! attached by itself.
use mail_parser::{Address, MessageParser, MimeHeaders};

use crate::DocumentError;
use crate::tidy::tidy;

/// # Errors
/// A file that is no message.
pub fn read(bytes: &[u8]) -> Result<String, DocumentError> {
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| DocumentError::invalid("no message was found"))?;
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    };
    line("From", message.from().map(addresses));
    line("To", message.to().map(addresses));
    line("Cc", message.cc().map(addresses));
    line("Date", message.date().map(mail_parser::DateTime::to_rfc3339));
    line("Subject", message.subject().map(str::to_owned));
    for attachment in message.attachments() {
        line("Attachment", attachment.attachment_name().map(str::to_owned));
    }
    text.push('\n');
    for part in 0..message.text_body_count() {
        if let Some(body) = message.body_text(part) {
            text.push_str(&body);
            text.push('\n');
        }
    }
    Ok(tidy(&text.replace("\r\n", "\n")))
}

fn addresses(address: &Address) -> String {
    let each = address.iter().map(|address| match (address.name(), address.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn head_text_and_names_of_attachments_are_read() {
        let message = "From: =?utf-8?B?5p2O6Zu3?= <li@example.com>\r\nTo: Ann <ann@example.com>\r\n\
            Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Tue, 1 Sep 2026 10:00:00 +0800\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=C3=B6n.\r\n--x\r\n\
            Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\nJVBERi0=\r\n--x--\r\n";
        let text = read(message.as_bytes()).expect("is read");
        for part in ["From: 李雷 <li@example.com>", "Subject: Grüße", "Attachment: plan.pdf", "Schön."] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("JVBER"), "{text}");
    }
}
