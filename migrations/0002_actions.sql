-- What mass change owner, mass delete and the states that refuse need. SQLite cannot change a CHECK:
-- tables whose words grew are made anew. Words of later actions stand here already.

CREATE TABLE jobs_new (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN
        ('mass_update', 'change_owner', 'mass_delete', 'mass_convert', 'undo')),
    module BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    request TEXT NOT NULL,
    exclusive TEXT,
    state TEXT NOT NULL CHECK (state IN
        ('preparing', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    total BIGINT NOT NULL CHECK (total >= 0),
    cursor BIGINT NOT NULL CHECK (cursor BETWEEN 0 AND total),
    changed BIGINT NOT NULL CHECK (changed >= 0),
    unchanged BIGINT NOT NULL CHECK (unchanged >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    lease_no BIGINT NOT NULL,
    lease_until BIGINT,
    worker TEXT,
    process BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    CHECK (changed + unchanged + failed = cursor),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('preparing', 'running')) = (lease_until IS NOT NULL)),
    CHECK (state <> 'completed' OR cursor = total),
    CHECK ((state = 'failed') = (error IS NOT NULL))
);
INSERT INTO jobs_new SELECT id, kind, module, actor, request, exclusive, state, total, cursor,
    changed, unchanged, failed, attempts, lease_no, lease_until, worker, process, error, created_at,
    touched_at, started_at, finished_at FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive)
    WHERE state IN ('preparing', 'queued', 'running', 'paused');
CREATE INDEX jobs_runnable ON jobs (touched_at, id)
    WHERE state IN ('preparing', 'queued', 'running');
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE holds_new (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('lock', 'approval', 'review_pending', 'review_rejected',
        'image_check', 'merge', 'stop')),
    reason TEXT,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (record, kind)
);
INSERT INTO holds_new SELECT id, record, module, kind, reason, actor, at FROM holds;
DROP TABLE holds;
ALTER TABLE holds_new RENAME TO holds;

CREATE TABLE changes_new (
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind = 'update' OR kind = 'create' OR kind = 'delete' OR kind = 'restore'),
    job BIGINT,
    actor BIGINT NOT NULL,
    cause TEXT NOT NULL CHECK (cause = 'job' OR cause = 'api' OR cause = 'import'
        OR cause = 'lock' OR cause = 'unlock' OR cause = 'territory' OR cause = 'hold'
        OR cause = 'unhold' OR cause = 'share' OR cause = 'blueprint' OR cause = 'owner'
        OR cause = 'restore' OR cause = 'parent' OR cause = 'automation'),
    before TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, rev)
){without_rowid};
INSERT INTO changes_new SELECT record, rev, module, kind, job, actor, cause, before, at FROM changes;
DROP TABLE changes;
ALTER TABLE changes_new RENAME TO changes;

-- The recycle bin. A record's last values are in the change that deleted it (record, rev); what
-- stood beside its row (territories, holds, shares) is here, as JSON. `root` is the record whose
-- deletion took this one along, or itself. A purged one keeps only that it was there.
CREATE TABLE deleted_records (
    record BIGINT PRIMARY KEY,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    root BIGINT NOT NULL,
    name TEXT,
    owner BIGINT,
    beside TEXT,
    job BIGINT,
    created_by BIGINT,
    deleted_by BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    purged_at BIGINT
);
CREATE INDEX deleted_records_of ON deleted_records (module, deleted_at, record);
CREATE INDEX deleted_records_in_bin ON deleted_records (deleted_at, record) WHERE purged_at IS NULL;
CREATE INDEX deleted_records_purged ON deleted_records (purged_at) WHERE purged_at IS NOT NULL;
CREATE INDEX deleted_records_root ON deleted_records (root);
CREATE INDEX deleted_records_heads ON deleted_records (module, record)
    WHERE purged_at IS NULL AND root = record;

-- Records shared by hand with a user.
CREATE TABLE record_shares (
    record BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    module BIGINT NOT NULL,
    permission TEXT NOT NULL CHECK (permission IN ('read_only', 'read_write', 'full_access')),
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, user_id)
){without_rowid};
CREATE INDEX record_shares_to ON record_shares (user_id, module, record);

-- A record that is in a blueprint; its state is the value of the blueprint's field.
CREATE TABLE record_blueprints (
    record BIGINT PRIMARY KEY,
    blueprint BIGINT NOT NULL,
    module BIGINT NOT NULL,
    at BIGINT NOT NULL
);

-- Events that something outside the transaction is to learn of, written with what caused them.
CREATE TABLE outbox (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('owner_changed')),
    module BIGINT NOT NULL,
    record BIGINT NOT NULL,
    recipient BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    job BIGINT,
    at BIGINT NOT NULL
);
CREATE INDEX outbox_at ON outbox (at, id);
