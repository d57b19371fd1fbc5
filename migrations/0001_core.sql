-- Written once for both databases: NULL, BOOLEAN, BIGINT and TEXT only; times are UTC milliseconds.

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
    kind TEXT NOT NULL CHECK (kind IN ('code', 'refresh', 'access')),
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

-- Why a record may not be changed now.
CREATE TABLE holds (
    id BIGINT PRIMARY KEY,
    record BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('lock')),
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

CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('mass_update')),
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
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive)
    WHERE state IN ('preparing', 'queued', 'running', 'paused');
CREATE INDEX jobs_runnable ON jobs (touched_at, id)
    WHERE state IN ('preparing', 'queued', 'running');

CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE job_targets (
    job BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (job, seq)
){without_rowid};

-- A visited record that was not changed; one that was has its row in changes.
CREATE TABLE job_outcomes (
    job BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    record BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('unchanged', 'failed')),
    code TEXT,
    message TEXT,
    details TEXT,
    PRIMARY KEY (job, seq),
    CHECK ((outcome = 'failed') = (code IS NOT NULL))
){without_rowid};

-- Every change of a record: what it was before, by whom, and through which job. Its checks are ORs:
-- for a list, SQLite builds a table at each insert (0.2 of 0.8 seconds for 50,000 records).
CREATE TABLE changes (
    record BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    module BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'update' OR kind = 'create' OR kind = 'delete'),
    job BIGINT,
    actor BIGINT NOT NULL,
    cause TEXT NOT NULL CHECK (cause = 'job' OR cause = 'api' OR cause = 'import'
        OR cause = 'lock' OR cause = 'unlock' OR cause = 'territory'),
    before TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, rev)
){without_rowid};
