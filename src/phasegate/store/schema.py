"""The tables of a ledger in SQLite, as numbered migrations; `PRAGMA user_version` counts those a file went through."""

from __future__ import annotations

APPLICATION = 0x50684761
"""`PRAGMA application_id` of a ledger ("PhGa"): tells it from any other SQLite file."""

MIGRATIONS = (
    f"""
    CREATE TABLE ledger (
        slot INTEGER PRIMARY KEY CHECK (slot = 1),
        id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        ms INTEGER NOT NULL,
        tick INTEGER NOT NULL,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
        actor_kind TEXT NOT NULL,
        actor_name TEXT NOT NULL,
        actor_session TEXT NOT NULL,
        kind TEXT NOT NULL,
        schema INTEGER NOT NULL,
        body BLOB,
        body_digest TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL,
        UNIQUE (stream, version)
    ) STRICT;
    CREATE TABLE snapshot (
        slot INTEGER PRIMARY KEY CHECK (slot = 1),
        position INTEGER NOT NULL,
        hash TEXT NOT NULL,
        code TEXT NOT NULL,
        state BLOB NOT NULL,
        state_digest TEXT NOT NULL
    ) STRICT;

    -- Append-only: an event is added behind the last one or not at all; of what is there only a body may be emptied.
    -- REPLACE would delete rows without asking the other triggers, so the first one refuses what could collide.
    CREATE TRIGGER events_only_follow BEFORE INSERT ON events
    WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
        OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
        OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
        OR NEW.previous IS NOT coalesce((SELECT hash FROM events WHERE position = NEW.position - 1), '{"0" * 64}')
    BEGIN SELECT raise(ABORT, 'a ledger only grows at its end'); END;
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT raise(ABORT, 'a ledger forgets nothing'); END;
    CREATE TRIGGER events_keep_their_fields BEFORE UPDATE OF
        position, ms, tick, stream, version, id, actor_kind, actor_name, actor_session, kind, schema, body_digest,
        previous, hash ON events
    BEGIN SELECT raise(ABORT, 'a ledger rewrites nothing'); END;
    CREATE TRIGGER events_keep_their_body BEFORE UPDATE OF body ON events WHEN NEW.body IS NOT NULL
    BEGIN SELECT raise(ABORT, 'a body can only be erased'); END;
    """,
)

CURRENT = len(MIGRATIONS)
"""The `user_version` this phasegate writes."""

HEAD = "SELECT position, hash, ms, tick FROM events ORDER BY position DESC LIMIT 1"

VERSION = "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?"

# One step into the index for each stream, instead of one for each event.
VERSIONS = """
    WITH RECURSIVE streams (name) AS (
        SELECT min(stream) FROM events
        UNION ALL
        SELECT (SELECT min(stream) FROM events WHERE stream > name) FROM streams WHERE name IS NOT NULL
    )
    SELECT name, (SELECT max(version) FROM events WHERE stream = name) FROM streams WHERE name IS NOT NULL
"""

# Events are never taken out, so pages up to a fixed end are one moment without holding a read transaction open.
PAGE = """
    SELECT position, ms, tick, stream, version, id, actor_kind, actor_name, actor_session, kind, schema, body,
        body_digest, previous, hash
    FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT 256
"""

INSERT = """
    INSERT INTO events (position, ms, tick, stream, version, id, actor_kind, actor_name, actor_session, kind, schema,
        body, body_digest, previous, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

SNAPSHOT = "SELECT position, hash, code, state, state_digest FROM snapshot"

KEEP_SNAPSHOT = """
    INSERT INTO snapshot (slot, position, hash, code, state, state_digest) VALUES (1, ?, ?, ?, ?, ?)
    ON CONFLICT (slot) DO UPDATE SET position = excluded.position, hash = excluded.hash, code = excluded.code,
        state = excluded.state, state_digest = excluded.state_digest
    WHERE excluded.position >= position OR excluded.code <> code
"""
