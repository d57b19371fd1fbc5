-- What plans, control, undo and the telling of a job need. Tables whose checks grew are made anew,
-- because SQLite cannot change a CHECK.

-- `plan` is the plan that the job was made from: it visits that plan's targets, not its own. `wants`
-- is the exclusive key that a job for later takes when it starts; `selects` says that its targets are
-- selected then. `pace_*` are two marks of time and cursor from which its rate is told. Its throttle
-- allows no more before `paced_until`, whoever runs it.
CREATE TABLE jobs_new (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN
        ('mass_update', 'change_owner', 'mass_delete', 'mass_convert', 'undo')),
    module BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    client TEXT,
    request TEXT NOT NULL,
    plan BIGINT,
    parent BIGINT,
    relation TEXT CHECK (relation IN ('retry', 'undo')),
    automation TEXT NOT NULL CHECK (automation IN ('wire', 'fire', 'suppress')),
    tolerance BIGINT NOT NULL CHECK (tolerance >= 0),
    drifted BIGINT NOT NULL CHECK (drifted >= 0),
    throttle BIGINT CHECK (throttle > 0),
    run_at BIGINT,
    wants TEXT,
    selects BOOLEAN NOT NULL,
    notify_url TEXT,
    exclusive TEXT,
    state TEXT NOT NULL CHECK (state IN
        ('preparing', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    paused_by TEXT CHECK (paused_by IN ('person', 'tolerance')),
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
    pace_at BIGINT,
    pace_cursor BIGINT,
    pace_next_at BIGINT,
    pace_next_cursor BIGINT,
    paced_until BIGINT,
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    CHECK (changed + unchanged + failed = cursor),
    CHECK ((parent IS NULL) = (relation IS NULL)),
    CHECK ((state = 'paused') = (paused_by IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('preparing', 'running')) = (lease_until IS NOT NULL)),
    CHECK (state <> 'completed' OR (cursor = total AND NOT selects)),
    CHECK ((state = 'failed') = (error IS NOT NULL))
);
INSERT INTO jobs_new (id, kind, module, actor, request, automation, tolerance, drifted, selects,
        exclusive, state, total, cursor, changed, unchanged, failed, attempts, lease_no, lease_until,
        worker, process, error, created_at, touched_at, started_at, finished_at, paused_by)
    SELECT id, kind, module, actor, request, 'wire', 0, 0, FALSE,
        exclusive, state, total, cursor, changed, unchanged, failed, attempts, lease_no, lease_until,
        worker, process, error, created_at, touched_at, started_at, finished_at,
        CASE WHEN state = 'paused' THEN 'person' END
    FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive)
    WHERE state IN ('preparing', 'queued', 'running', 'paused');
CREATE INDEX jobs_runnable ON jobs (touched_at, id)
    WHERE state IN ('preparing', 'queued', 'running');
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_created ON jobs (created_at, id);
CREATE INDEX jobs_of_actor ON jobs (actor, created_at, id);
CREATE INDEX jobs_of_module ON jobs (module, created_at, id);
CREATE INDEX jobs_parent ON jobs (parent) WHERE parent IS NOT NULL;

-- What the plan foresaw: 'change', 'unchanged', or the code of the refusal. A plan's targets stand
-- here under the plan's id.
ALTER TABLE job_targets ADD COLUMN foreseen TEXT;

-- A visited record that was not changed, or not wholly ('changed', with what was left and why); one
-- that was has its row in changes. `at` is unknown of outcomes older than this column.
CREATE TABLE job_outcomes_new (
    job BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    record BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('changed', 'unchanged', 'failed')),
    code TEXT,
    message TEXT,
    details TEXT,
    at BIGINT,
    PRIMARY KEY (job, seq),
    CHECK ((outcome = 'unchanged') = (code IS NULL))
){without_rowid};
INSERT INTO job_outcomes_new (job, seq, record, outcome, code, message, details)
    SELECT job, seq, record, outcome, code, message, details FROM job_outcomes;
DROP TABLE job_outcomes;
ALTER TABLE job_outcomes_new RENAME TO job_outcomes;

-- How many records of a job were refused by which code: told while it runs, without counting them.
CREATE TABLE job_failures (
    job BIGINT NOT NULL,
    code TEXT NOT NULL,
    records BIGINT NOT NULL CHECK (records > 0),
    PRIMARY KEY (job, code)
){without_rowid};
INSERT INTO job_failures
    SELECT job, code, count(*) FROM job_outcomes WHERE outcome = 'failed' GROUP BY job, code;

-- Calls owed to those who want to know that a job has ended. A try is counted before it is made, and
-- the next is due at next_at. Hosts take turns: one that is being called is left alone until
-- busy_until, and the one that was called longest ago comes first.
CREATE TABLE job_calls (
    job BIGINT PRIMARY KEY,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    next_at BIGINT NOT NULL,
    busy_until BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    made_at BIGINT NOT NULL
);
CREATE INDEX job_calls_due ON job_calls (next_at, job) WHERE state = 'waiting';
CREATE INDEX job_calls_hosts ON job_calls (host, busy_until);

-- Records that a job changed beside its targets: what was given away along with them.
CREATE TABLE job_along (
    job BIGINT NOT NULL,
    record BIGINT NOT NULL,
    PRIMARY KEY (job, record)
){without_rowid};

-- Dry runs. `summary` is what was foreseen, as it is told.
CREATE TABLE plans (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN
        ('mass_update', 'change_owner', 'mass_delete', 'mass_convert', 'undo')),
    module BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    client TEXT,
    request TEXT NOT NULL,
    exclusive TEXT,
    parent BIGINT,
    ready BOOLEAN NOT NULL,
    total BIGINT NOT NULL,
    summary TEXT NOT NULL,
    catalog_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    job BIGINT
);
CREATE INDEX plans_expires ON plans (expires_at, id) WHERE job IS NULL;

-- What a request with an idempotency key was answered.
CREATE TABLE idempotency (
    client TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (client, user_id, path, key)
){without_rowid};
CREATE INDEX idempotency_at ON idempotency (at);

-- Through which job a record entered its blueprint: undoing the job takes it out again.
ALTER TABLE record_blueprints ADD COLUMN job BIGINT;
