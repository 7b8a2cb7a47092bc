//! Workbooks of Excel and of OpenDocument: a page for each sheet, a line for each row, cells separated by
//! tabs. Values are written as they are stored, dates in ISO 8601.
use std::io::Cursor;

use calamine::{Data, Reader, open_workbook_auto_from_rs};
use protocol::DocumentPage;

use crate::DocumentError;

/// Cells of a sheet with empty ones in between: a sheet may claim a billion.
const MAX_CELLS: usize = 20_000_000;

/// # Errors
/// A workbook that cannot be read, or a sheet that claims too many cells.
pub fn read(bytes: Vec<u8>) -> Result<Vec<DocumentPage>, DocumentError> {
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(workbook_error)?;
    let mut pages = Vec::new();
    for name in workbook.sheet_names() {
        let range = workbook.worksheet_range(&name).map_err(workbook_error)?;
        if range.width().saturating_mul(range.height()) > MAX_CELLS {
            return Err(DocumentError::TooLarge(format!("the sheet {name} has more than {MAX_CELLS} cells")));
        }
        let rows = range.rows().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("\t"));
        let rows: Vec<String> = rows.map(|row| row.trim_end_matches('\t').to_owned()).collect();
        let text = rows.join("\n").trim_end().to_owned();
        pages.push(DocumentPage { label: Some(name), text });
    }
    Ok(pages)
}

fn workbook_error(error: calamine::Error) -> DocumentError {
    let words = error.to_string();
    if words.to_lowercase().contains("password") {
        DocumentError::Locked
    } else {
        DocumentError::Invalid(words)
    }
}

fn cell(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        // A tab or a line feed in a cell would look like the next one.
        Data::String(text) => text.replace(['\t', '\n', '\r'], " "),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(date) if date.is_duration() => format!("{} days", date.as_f64()),
        Data::DateTime(date) => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let time = format!("{hour:02}:{minute:02}:{second:02}");
            match (date.as_f64() < 1.0, time.as_str()) {
                (true, _) => time,
                (false, "00:00:00") => format!("{year:04}-{month:02}-{day:02}"),
                (false, _) => format!("{year:04}-{month:02}-{day:02} {time}"),
            }
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Error(error) => error.to_string(),
    }
}
