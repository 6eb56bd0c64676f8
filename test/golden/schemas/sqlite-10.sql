CREATE TABLE leases (
    site TEXT NOT NULL, address TEXT NOT NULL, subnet TEXT NOT NULL, key TEXT NOT NULL, mac TEXT, hostname TEXT,
    state TEXT NOT NULL, bound_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (site, address)
  ) WITHOUT ROWID;
CREATE INDEX leases_by_key ON leases (site, subnet, key);
CREATE TABLE machines (name TEXT PRIMARY KEY, site TEXT NOT NULL, body TEXT NOT NULL, rev INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE machine_macs (
    site TEXT NOT NULL, mac TEXT NOT NULL, machine TEXT NOT NULL REFERENCES machines (name) ON DELETE CASCADE,
    PRIMARY KEY (site, mac)
  ) WITHOUT ROWID;
CREATE INDEX machine_macs_by_machine ON machine_macs (machine);
CREATE TABLE documents (
    kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, rev INTEGER NOT NULL, applied_from TEXT,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID;
CREATE TABLE grants (id TEXT PRIMARY KEY, body TEXT NOT NULL, spent_at INTEGER) WITHOUT ROWID;
CREATE INDEX grants_by_spending ON grants (spent_at);
CREATE TABLE attempts (
    id TEXT PRIMARY KEY, machine TEXT, mac TEXT, started_at INTEGER NOT NULL, last_at INTEGER NOT NULL, body TEXT NOT NULL
  ) WITHOUT ROWID;
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX attempts_by_machine ON attempts (machine, started_at);
CREATE INDEX attempts_by_mac ON attempts (mac, started_at);
CREATE TABLE events (
    attempt TEXT NOT NULL REFERENCES attempts (id) ON DELETE CASCADE, seq INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (attempt, seq)
  ) WITHOUT ROWID;
CREATE TABLE access (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, body TEXT NOT NULL, parent TEXT REFERENCES access (id) ON DELETE CASCADE) WITHOUT ROWID;
CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL DEFAULT '');
CREATE TABLE packets (
    attempt TEXT NOT NULL REFERENCES attempts (id) ON DELETE CASCADE, number INTEGER NOT NULL, at REAL NOT NULL,
    ends TEXT NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (attempt, number)
  ) WITHOUT ROWID;
CREATE INDEX attempts_by_end ON attempts (last_at);
CREATE TABLE inventories (
    id INTEGER PRIMARY KEY, machine TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL
  );
CREATE INDEX inventories_by_machine ON inventories (machine, source, id);
CREATE TABLE bmcs (address TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE secrets (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, machine TEXT NOT NULL, created_at INTEGER NOT NULL, over INTEGER NOT NULL, body TEXT NOT NULL, rev INTEGER NOT NULL
  ) WITHOUT ROWID;
CREATE INDEX jobs_by_creation ON jobs (created_at);
CREATE INDEX jobs_by_machine ON jobs (machine, created_at);
CREATE INDEX jobs_unfinished ON jobs (created_at) WHERE over = 0;
CREATE TABLE job_events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job, seq)
  ) WITHOUT ROWID;
CREATE TABLE answers (key TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (at);
CREATE TABLE deliveries (id TEXT PRIMARY KEY, at INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (at, id);
CREATE INDEX deliveries_by_state ON deliveries (state, at, id);
CREATE TABLE users (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX access_by_parent ON access (parent);
CREATE INDEX jobs_by_batch ON jobs (body ->> '$.batch.id', created_at) WHERE body ->> '$.batch.id' IS NOT NULL;
CREATE TABLE approvals (id TEXT PRIMARY KEY, body TEXT NOT NULL, rev INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 10;
