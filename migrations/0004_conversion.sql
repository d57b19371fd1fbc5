-- What conversion and automation need: a section for each part. Tables whose checks grew are made anew,
-- because SQLite cannot change a CHECK.

-- Jobs and automation. `fired` counts the events that a job's writes left to automation; it pauses
-- before the record whose events would pass `automation_cap`. What was asked for at first is
-- `automation_step`: so many more does a resume allow. `automation_next` is how many events the record
-- would leave before which it paused.
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
    automation_cap BIGINT CHECK (automation_cap >= 0),
    automation_step BIGINT CHECK (automation_step >= 0),
    automation_next BIGINT NOT NULL DEFAULT 0 CHECK (automation_next >= 0),
    fired BIGINT NOT NULL DEFAULT 0 CHECK (fired >= 0),
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
    paused_by TEXT CHECK (paused_by IN ('person', 'tolerance', 'automation_cap')),
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
INSERT INTO jobs_new (id, kind, module, actor, client, request, plan, parent, relation, automation,
        tolerance, drifted, throttle, run_at, wants, selects, notify_url, exclusive, state, paused_by,
        total, cursor, changed, unchanged, failed, attempts, lease_no, lease_until, worker, process,
        error, pace_at, pace_cursor, pace_next_at, pace_next_cursor, paced_until, created_at,
        touched_at, started_at, finished_at)
    SELECT id, kind, module, actor, client, request, plan, parent, relation, automation,
        tolerance, drifted, throttle, run_at, wants, selects, notify_url, exclusive, state, paused_by,
        total, cursor, changed, unchanged, failed, attempts, lease_no, lease_until, worker, process,
        error, pace_at, pace_cursor, pace_next_at, pace_next_cursor, paced_until, created_at,
        touched_at, started_at, finished_at
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

-- The rule by which automation made a change.
ALTER TABLE changes ADD COLUMN rule BIGINT;

-- The outbox of automation: a rule that a record's change met, written with that change and removed
-- with the rule's effects. `chain` names the rules whose effects led here, the first one first; the
-- first `made` of them led to the record being made.
CREATE TABLE events (
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    place BIGINT NOT NULL,
    module BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    trigger_word TEXT NOT NULL CHECK (trigger_word IN ('create', 'edit', 'delete')),
    job BIGINT,
    actor BIGINT NOT NULL,
    chain TEXT NOT NULL,
    made BIGINT NOT NULL CHECK (made >= 0),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    next_at BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, rev, place)
){without_rowid};
CREATE INDEX events_next ON events (next_at, record);
CREATE INDEX events_of_job ON events (job) WHERE job IS NOT NULL;

-- What automation did to records because of a job's writes: the changes are of cause 'automation'.
CREATE TABLE job_effects (
    job BIGINT NOT NULL,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    PRIMARY KEY (job, record, rev)
){without_rowid};

-- What a plan was asked about automation; a job from it does the same if it is not told otherwise.
ALTER TABLE plans ADD COLUMN automation TEXT NOT NULL DEFAULT 'wire'
    CHECK (automation IN ('wire', 'fire', 'suppress'));

-- What automation was to do and did not: an event's rule, or one of the rule's actions, with why.
CREATE TABLE automation_failures (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    trigger_word TEXT NOT NULL CHECK (trigger_word IN ('create', 'edit', 'delete')),
    job BIGINT,
    actor BIGINT NOT NULL,
    chain TEXT NOT NULL,
    action TEXT CHECK (action IN ('update', 'task', 'web_hook')),
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT NOT NULL,
    fired_at BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX automation_failures_newest ON automation_failures (at, id);
CREATE INDEX automation_failures_of_rule ON automation_failures (rule, at, id);
CREATE INDEX automation_failures_of_job ON automation_failures (job, at, id) WHERE job IS NOT NULL;
CREATE INDEX automation_failures_of_actor ON automation_failures (actor, at, id);

-- Tags, notes and attachments of records. Their rows stay where they are while their record is in the
-- recycle bin, where nothing shows them, and go when it leaves the bin for good.

-- `folded` is the name without regard to case.
CREATE TABLE tags (
    id BIGINT PRIMARY KEY,
    module BIGINT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    color TEXT,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_by BIGINT NOT NULL,
    modified_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tags_names ON tags (module, folded);

CREATE TABLE record_tags (
    record BIGINT NOT NULL,
    tag BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, tag)
){without_rowid};
CREATE INDEX record_tags_of_tag ON record_tags (tag, record);

-- Tags that were deleted, as long as rows above name them.
CREATE TABLE loose_tags (
    tag BIGINT PRIMARY KEY
);

CREATE TABLE notes (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    title TEXT,
    content TEXT NOT NULL,
    owner BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_by BIGINT NOT NULL,
    modified_at BIGINT NOT NULL
);
CREATE INDEX notes_of_record ON notes (record, id);

-- A file, whose content stands in pieces, or a link.
CREATE TABLE attachments (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    link TEXT,
    owner BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK (link IS NULL OR size = 0)
);
CREATE INDEX attachments_of_record ON attachments (record, id);

-- Bytes of an attachment's content, in base64.
CREATE TABLE attachment_pieces (
    attachment BIGINT NOT NULL,
    place BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (attachment, place)
){without_rowid};

-- Content of no attachment: of one that is still being sent, or that is gone. It is removed, piece by
-- piece, once it is old.
CREATE TABLE loose_contents (
    attachment BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX loose_contents_old ON loose_contents (at, attachment);

-- What a job moved, or in the case of tags copied, from a record to another. A tag that several records
-- gave is taken off when the last of them is put back.
CREATE TABLE job_moves (
    job BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('note', 'attachment', 'tag')),
    item BIGINT NOT NULL,
    from_record BIGINT NOT NULL,
    from_module BIGINT NOT NULL,
    to_record BIGINT NOT NULL,
    to_module BIGINT NOT NULL,
    PRIMARY KEY (job, kind, item, to_record, from_record)
){without_rowid};
CREATE INDEX job_moves_from ON job_moves (job, from_record);
CREATE INDEX job_moves_tags ON job_moves (to_record, item) WHERE kind = 'tag';

-- Calls to the outside. One queue for all: that a job has ended, and what workflow rules tell. `event` is
-- the id by which a receiver knows a repetition. An endpoint is a URL without its query; calls to one
-- go one at a time, the one that is due longest first, of one record in the order of `owed_at` only. A
-- try is counted before it is made. What a job's end tells is made when it is sent: no body is stored.
CREATE TABLE calls (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('job_finished', 'workflow')),
    event TEXT NOT NULL,
    job BIGINT,
    rule BIGINT,
    module BIGINT,
    record BIGINT,
    endpoint TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    next_at BIGINT NOT NULL,
    last_error TEXT,
    made_at BIGINT NOT NULL,
    owed_at BIGINT NOT NULL,
    tried_at BIGINT,
    CHECK (kind <> 'job_finished' OR job IS NOT NULL),
    CHECK (kind <> 'workflow' OR (rule IS NOT NULL AND module IS NOT NULL AND record IS NOT NULL
        AND body IS NOT NULL))
);
-- Calls of the schema before stay in a queue of their host.
INSERT INTO calls (id, kind, event, job, endpoint, url, state, attempts, next_at, last_error, made_at,
        owed_at)
    SELECT (SELECT next FROM id_blocks) + row_number() OVER (ORDER BY job) - 1, 'job_finished',
        'job_' || job || '_' || made_at, job, host, url, state, attempts, next_at, last_error, made_at,
        made_at
    FROM job_calls;
UPDATE id_blocks SET next = next + (SELECT count(*) FROM job_calls);
DROP TABLE job_calls;
CREATE INDEX calls_due ON calls (endpoint, next_at, owed_at, made_at, id) WHERE state = 'waiting';
CREATE INDEX calls_in_order ON calls (record, endpoint, owed_at, made_at, id)
    WHERE state = 'waiting' AND record IS NOT NULL;
CREATE INDEX calls_dead ON calls (owed_at, id) WHERE state = 'dead';
CREATE INDEX calls_owed ON calls (owed_at, id);
CREATE INDEX calls_of_job ON calls (job) WHERE job IS NOT NULL;

-- How it stands with an endpoint that was ever called. It is called by somebody until `busy_until`, and
-- left alone until `rests_until` after a failure. `proven` says that its last call was taken.
CREATE TABLE endpoints (
    endpoint TEXT PRIMARY KEY,
    busy_until BIGINT NOT NULL,
    rests_until BIGINT NOT NULL,
    called_at BIGINT NOT NULL,
    failures BIGINT NOT NULL CHECK (failures >= 0),
    proven BOOLEAN NOT NULL
){without_rowid};
CREATE INDEX endpoints_called ON endpoints (called_at);

-- Conversion. A lock is taken on this table, which has no rows: two jobs that convert leads of one
-- company at once take turns, so that the second finds the account that the first made.
CREATE TABLE conversion_turn (
    id BIGINT PRIMARY KEY
);
-- Owners are told of leads that were converted and of what was made of them.
CREATE TABLE outbox_new (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('owner_changed', 'lead_converted', 'record_made')),
    module BIGINT NOT NULL,
    record BIGINT NOT NULL,
    recipient BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    job BIGINT,
    at BIGINT NOT NULL
);
INSERT INTO outbox_new SELECT id, kind, module, record, recipient, actor, job, at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_at ON outbox (at, id);


-- Approval processes. A record that waits has the hold 'approval', one that was rejected
-- 'approval_rejected': that kind is new, so the table is made anew.
CREATE TABLE holds_new (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('lock', 'approval', 'approval_rejected', 'review_pending',
        'review_rejected', 'image_check', 'merge', 'stop')),
    reason TEXT,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (record, kind)
);
INSERT INTO holds_new SELECT id, record, module, kind, reason, actor, at FROM holds;
DROP TABLE holds;
ALTER TABLE holds_new RENAME TO holds;

-- Through which job a record entered its process: undoing the job takes it out again; none once a
-- person gave it in again. hold is the one that the process put on it, none where somebody's stood there
-- already: that one stays when the process ends.
CREATE TABLE record_approvals (
    record BIGINT PRIMARY KEY,
    module BIGINT NOT NULL,
    process BIGINT NOT NULL,
    step BIGINT NOT NULL CHECK (step >= 0),
    state TEXT NOT NULL CHECK (state IN ('pending', 'rejected')),
    job BIGINT,
    submitted_by BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    hold BIGINT
);
CREATE INDEX record_approvals_state ON record_approvals (state, submitted_at, record);

-- What was decided about a record. It stays while the record does, in the recycle bin too.
CREATE TABLE approval_decisions (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    process BIGINT NOT NULL,
    step BIGINT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('approve', 'reject', 'resubmit')),
    actor BIGINT NOT NULL,
    comment TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX approval_decisions_of_record ON approval_decisions (record, at, id);
