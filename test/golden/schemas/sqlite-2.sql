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
CREATE TABLE access (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE packets (
    attempt TEXT NOT NULL REFERENCES attempts (id) ON DELETE CASCADE, number INTEGER NOT NULL, at REAL NOT NULL,
    ends TEXT NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (attempt, number)
  ) WITHOUT ROWID;
PRAGMA user_version = 2;
