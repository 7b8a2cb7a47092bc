-- A history as version 1 of the tables has it, with a chat and an answer.
CREATE TABLE chats (
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
CREATE INDEX chats_by_time ON chats (updated_at);
BEGIN;
INSERT INTO chats (id, title, model_id, preset_id, sampling, system_prompt, leaf_id, created_at, updated_at)
VALUES ('c', 'old', 'guide', 'custom', '{}', '', 'm', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z');
INSERT INTO messages (id, chat_id, role, text, state, created_at)
VALUES ('m', 'c', 'assistant', 'said before', 'done', '2026-01-01T00:00:00.000Z');
COMMIT;
PRAGMA user_version = 1;
