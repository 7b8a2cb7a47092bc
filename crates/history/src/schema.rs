//! The tables, as one migration per version.
//! Table and column names are stored on users' disks and stay, whatever the types in this crate are called.
use rusqlite::Connection;
use rusqlite_migration::M;

/// Each entry is one version and must not change after its release.
pub(crate) const MIGRATIONS: &[M<'static>] = &[
    M::up(FIRST),
    M::up("ALTER TABLE messages ADD COLUMN thinking_ms INTEGER CHECK (thinking_ms >= 0);"),
    M::up(PICTURES),
    // The first message of the model's context, if the user excluded the oldest messages.
    M::up(
        "ALTER TABLE chats ADD COLUMN context_start TEXT REFERENCES messages (id) ON DELETE SET NULL;
         CREATE INDEX chats_context_start ON chats (context_start);",
    ),
    M::up(DOCUMENTS),
    M::up(TOOL_CALLS),
    M::up(FOLDERS),
];

const PICTURES: &str = "CREATE TABLE pictures (
    hash TEXT PRIMARY KEY NOT NULL CHECK (length(hash) = 64),
    kind TEXT NOT NULL,
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE message_pictures (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    hash TEXT NOT NULL REFERENCES pictures (hash),
    PRIMARY KEY (message_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_pictures_hash ON message_pictures (hash);
ALTER TABLE messages ADD COLUMN boxes TEXT;";

/// The passages that an answer was given are JSON in `passages`.
const DOCUMENTS: &str = "CREATE TABLE documents (
    hash TEXT PRIMARY KEY NOT NULL CHECK (length(hash) = 64),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    pages INTEGER NOT NULL CHECK (pages >= 0),
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    scanned TEXT NOT NULL,
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE document_pages (
    hash TEXT NOT NULL REFERENCES documents (hash) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    label TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (hash, page)
) STRICT;
CREATE TABLE message_documents (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    hash TEXT NOT NULL REFERENCES documents (hash),
    PRIMARY KEY (message_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_documents_hash ON message_documents (hash);
ALTER TABLE messages ADD COLUMN passages TEXT;";

/// What is known of a call is JSON in `fields`; its result is apart, because it can be many megabytes.
const TOOL_CALLS: &str = "CREATE TABLE tool_calls (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    id TEXT NOT NULL,
    fields TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (message_id, place),
    UNIQUE (message_id, id)
) STRICT;";

const FOLDERS: &str = "CREATE TABLE folders (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    instructions TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE folder_documents (
    folder_id TEXT NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    hash TEXT NOT NULL REFERENCES documents (hash),
    PRIMARY KEY (folder_id, place),
    UNIQUE (folder_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX folder_documents_hash ON folder_documents (hash);
ALTER TABLE chats ADD COLUMN folder_id TEXT REFERENCES folders (id) ON DELETE SET NULL;
CREATE INDEX chats_folder ON chats (folder_id);";

const FIRST: &str = "CREATE TABLE chats (
    id TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    model_id TEXT NOT NULL,
    preset_id TEXT NOT NULL,
    sampling TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    leaf_id TEXT REFERENCES messages (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    chat_id TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
    text TEXT NOT NULL,
    reasoning TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('streaming', 'done', 'stopped', 'length', 'interrupted')),
    error TEXT,
    stats TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_parent ON messages (chat_id, parent_id);
CREATE INDEX messages_parent ON messages (parent_id);
CREATE INDEX messages_streaming ON messages (state) WHERE state = 'streaming';
CREATE INDEX chats_leaf ON chats (leaf_id);
CREATE INDEX chats_by_time ON chats (updated_at);";

/// The schema version of a file; 0 without tables.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)).map(|found| found as usize)
}

#[cfg(test)]
mod tests {
    use rusqlite_migration::Migrations;

    use super::*;

    #[test]
    fn migrations_are_sound() {
        Migrations::from_slice(MIGRATIONS).validate().expect("each applies to an empty file");
    }
}
