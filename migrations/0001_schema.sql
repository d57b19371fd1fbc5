-- Written once for both databases: NULL, BOOLEAN, BIGINT and TEXT only; times are UTC milliseconds.
--
-- No CHECK lists the words of a column (kinds, causes, states, …): they are enums of the program, which
-- writes no other word and reads none, and SQLite cannot change a CHECK, so that a new word would make
-- the table anew. CHECKs say what must hold between columns, whatever the words are.

CREATE TABLE schema_version (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE id_blocks (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    next BIGINT NOT NULL
);

-- All metadata of the org at one version.
CREATE TABLE catalog (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- The next number of each auto-number field.
CREATE TABLE autonumbers (
    field BIGINT PRIMARY KEY,
    next BIGINT NOT NULL
);

-- Access ------------------------------------------------------------------------------------------

-- Programs that may ask for tokens. `scopes` is the most that a client may be granted without a
-- person's consent, and then it acts as `user_id`.
CREATE TABLE clients (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    public_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    redirect_uri TEXT,
    user_id BIGINT NOT NULL,
    scopes TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- Grant codes, refresh tokens and access tokens, by the hash of what the client holds. A token made
-- at the console has no client; an access token has the refresh token it came from as parent. A
-- used code is one that has expired: it still counts against the limit of codes.
CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    client BIGINT,
    user_id BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    parent TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
){without_rowid};
CREATE INDEX tokens_parent ON tokens (parent, created_at);
CREATE INDEX tokens_client ON tokens (client, user_id, kind, created_at);
CREATE INDEX tokens_expires ON tokens (expires_at);

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

-- Records: what stands beside their rows in the tables of modules -------------------------------------

-- Every change of a record: what it was before, by whom, through which job, and by which rule if
-- automation made it.
CREATE TABLE changes (
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL,
    job BIGINT,
    actor BIGINT NOT NULL,
    cause TEXT NOT NULL,
    before TEXT NOT NULL,
    at BIGINT NOT NULL,
    rule BIGINT,
    PRIMARY KEY (record, rev)
){without_rowid};

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

-- Why a record may not be changed now.
CREATE TABLE holds (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (record, kind)
);

CREATE TABLE record_territories (
    record BIGINT NOT NULL,
    territory BIGINT NOT NULL,
    module BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, territory)
){without_rowid};
CREATE INDEX record_territories_by ON record_territories (territory, module, record);

-- Records shared by hand with a user.
CREATE TABLE record_shares (
    record BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    module BIGINT NOT NULL,
    permission TEXT NOT NULL,
    actor BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, user_id)
){without_rowid};
CREATE INDEX record_shares_to ON record_shares (user_id, module, record);

-- A record that is in a blueprint; its state is the value of the blueprint's field. `job` is the one
-- through which it entered: undoing the job takes it out again.
CREATE TABLE record_blueprints (
    record BIGINT PRIMARY KEY,
    blueprint BIGINT NOT NULL,
    module BIGINT NOT NULL,
    at BIGINT NOT NULL,
    job BIGINT
);

-- A record that is in an approval process: one that waits has the hold 'approval', one that was rejected
-- 'approval_rejected'. `job` is the one through which it entered: undoing the job takes it out again;
-- none once a person gave it in again. `hold` is the one that the process put on it, none where
-- somebody's stood there already: that one stays when the process ends.
CREATE TABLE record_approvals (
    record BIGINT PRIMARY KEY,
    module BIGINT NOT NULL,
    process BIGINT NOT NULL,
    step BIGINT NOT NULL CHECK (step >= 0),
    state TEXT NOT NULL,
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
    decision TEXT NOT NULL,
    actor BIGINT NOT NULL,
    comment TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX approval_decisions_of_record ON approval_decisions (record, at, id);

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

-- Jobs --------------------------------------------------------------------------------------------

-- `plan` is the plan that the job was made from: it visits that plan's targets, not its own. `wants`
-- is the exclusive key that a job for later takes when it starts; `selects` says that its targets are
-- selected then. `fired` counts the events that its writes left to automation; it pauses before the
-- record whose events would pass `automation_cap`. What was asked for at first is `automation_step`: so
-- many more does a resume allow. `automation_next` is how many events the record would leave before
-- which it paused. `pace_*` are two marks of time and cursor from which its rate is told. Its throttle
-- allows no more before `paced_until`, whoever runs it.
CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    module BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    client TEXT,
    request TEXT NOT NULL,
    plan BIGINT,
    parent BIGINT,
    relation TEXT,
    automation TEXT NOT NULL,
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
    state TEXT NOT NULL,
    paused_by TEXT,
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
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive)
    WHERE state IN ('preparing', 'queued', 'running', 'paused');
CREATE INDEX jobs_runnable ON jobs (touched_at, id)
    WHERE state IN ('preparing', 'queued', 'running');
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_created ON jobs (created_at, id);
CREATE INDEX jobs_of_actor ON jobs (actor, created_at, id);
CREATE INDEX jobs_of_module ON jobs (module, created_at, id);
CREATE INDEX jobs_parent ON jobs (parent) WHERE parent IS NOT NULL;

-- The records that a job visits. A plan's stand here under the plan's id, with what it foresaw:
-- 'change', 'unchanged', or the code of the refusal.
CREATE TABLE job_targets (
    job BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    foreseen TEXT,
    PRIMARY KEY (job, seq)
){without_rowid};

-- A visited record that was not changed, or not wholly ('changed', with what was left and why); one
-- that was has its row in changes. `at` is unknown of outcomes older than this column.
CREATE TABLE job_outcomes (
    job BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    record BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    message TEXT,
    details TEXT,
    at BIGINT,
    PRIMARY KEY (job, seq),
    CHECK ((outcome = 'unchanged') = (code IS NULL))
){without_rowid};

-- How many records of a job were refused by which code: told while it runs, without counting them.
CREATE TABLE job_failures (
    job BIGINT NOT NULL,
    code TEXT NOT NULL,
    records BIGINT NOT NULL CHECK (records > 0),
    PRIMARY KEY (job, code)
){without_rowid};

-- Records that a job changed beside its targets: what was given away along with them.
CREATE TABLE job_along (
    job BIGINT NOT NULL,
    record BIGINT NOT NULL,
    PRIMARY KEY (job, record)
){without_rowid};

-- What a job moved, or in the case of tags copied, from a record to another. A tag that several records
-- gave is taken off when the last of them is put back.
CREATE TABLE job_moves (
    job BIGINT NOT NULL,
    kind TEXT NOT NULL,
    item BIGINT NOT NULL,
    from_record BIGINT NOT NULL,
    from_module BIGINT NOT NULL,
    to_record BIGINT NOT NULL,
    to_module BIGINT NOT NULL,
    PRIMARY KEY (job, kind, item, to_record, from_record)
){without_rowid};
CREATE INDEX job_moves_from ON job_moves (job, from_record);
CREATE INDEX job_moves_tags ON job_moves (to_record, item) WHERE kind = 'tag';
CREATE INDEX job_moves_tags_taken ON job_moves (to_record, item) WHERE kind = 'tag_taken';

-- What automation did to records because of a job's writes: the changes are of cause 'automation'.
CREATE TABLE job_effects (
    job BIGINT NOT NULL,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    PRIMARY KEY (job, record, rev)
){without_rowid};

-- Dry runs. `summary` is what was foreseen, as it is told; `automation` is what was asked about it: a job
-- from the plan does the same if it is not told otherwise.
CREATE TABLE plans (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
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
    job BIGINT,
    automation TEXT NOT NULL DEFAULT 'wire'
);
CREATE INDEX plans_expires ON plans (expires_at, id) WHERE job IS NULL;

-- Conversion. A lock is taken on this table, which has no rows: two jobs that convert leads of one
-- company at once take turns, so that the second finds the account that the first made.
CREATE TABLE conversion_turn (
    id BIGINT PRIMARY KEY
);

-- Automation --------------------------------------------------------------------------------------

-- The outbox of automation: a rule that a record's change met, written with that change and removed
-- with the rule's effects. `chain` names the rules whose effects led here, the first one first; the
-- first `made` of them led to the record being made.
CREATE TABLE events (
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    place BIGINT NOT NULL,
    module BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    trigger_word TEXT NOT NULL,
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

-- What automation was to do and did not: an event's rule, or one of the rule's actions, with why.
CREATE TABLE automation_failures (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    trigger_word TEXT NOT NULL,
    job BIGINT,
    actor BIGINT NOT NULL,
    chain TEXT NOT NULL,
    action TEXT,
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

-- The outside -------------------------------------------------------------------------------------

-- What people are to learn of, written with what caused it: a new owner, or owners of leads that were
-- converted and of what was made of them.
CREATE TABLE outbox (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    module BIGINT NOT NULL,
    record BIGINT NOT NULL,
    recipient BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    job BIGINT,
    at BIGINT NOT NULL
);
CREATE INDEX outbox_at ON outbox (at, id);

-- Calls. One queue for all: that a job has ended, and what workflow rules tell. `event` is the id by
-- which a receiver knows a repetition. An endpoint is a URL without its query; calls to one go one at a
-- time, the one that is due longest first, of one record in the order of `owed_at` only. A try is
-- counted before it is made. What a job's end tells is made when it is sent: no body is stored.
CREATE TABLE calls (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    event TEXT NOT NULL,
    job BIGINT,
    rule BIGINT,
    module BIGINT,
    record BIGINT,
    endpoint TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT,
    state TEXT NOT NULL,
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
