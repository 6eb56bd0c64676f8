CREATE SEQUENCE audit_id_seq;
CREATE TABLE schema_version (
  version integer NOT NULL
);
CREATE TABLE leases (
  site text NOT NULL,
  address text NOT NULL,
  subnet text NOT NULL,
  key text NOT NULL,
  mac text,
  hostname text,
  state text NOT NULL,
  bound_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  CONSTRAINT leases_pkey PRIMARY KEY (site, address)
);
CREATE TABLE machines (
  name text NOT NULL,
  site text NOT NULL,
  body jsonb NOT NULL,
  rev integer NOT NULL,
  CONSTRAINT machines_pkey PRIMARY KEY (name)
);
CREATE TABLE machine_macs (
  site text NOT NULL,
  mac text NOT NULL,
  machine text NOT NULL,
  CONSTRAINT machine_macs_machine_fkey FOREIGN KEY (machine) REFERENCES machines(name) ON DELETE CASCADE,
  CONSTRAINT machine_macs_pkey PRIMARY KEY (site, mac)
);
CREATE TABLE documents (
  kind text NOT NULL,
  name text NOT NULL,
  body jsonb NOT NULL,
  rev integer NOT NULL,
  applied_from text,
  CONSTRAINT documents_pkey PRIMARY KEY (kind, name)
);
CREATE TABLE grants (
  id text NOT NULL,
  body jsonb NOT NULL,
  spent_at bigint,
  CONSTRAINT grants_pkey PRIMARY KEY (id)
);
CREATE TABLE attempts (
  id text NOT NULL,
  machine text,
  mac text,
  started_at bigint NOT NULL,
  last_at bigint NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT attempts_pkey PRIMARY KEY (id)
);
CREATE TABLE events (
  attempt text NOT NULL,
  seq integer NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT events_attempt_fkey FOREIGN KEY (attempt) REFERENCES attempts(id) ON DELETE CASCADE,
  CONSTRAINT events_pkey PRIMARY KEY (attempt, seq)
);
CREATE TABLE packets (
  attempt text NOT NULL,
  number integer NOT NULL,
  at double precision NOT NULL,
  ends jsonb NOT NULL,
  payload bytea NOT NULL,
  CONSTRAINT packets_attempt_fkey FOREIGN KEY (attempt) REFERENCES attempts(id) ON DELETE CASCADE,
  CONSTRAINT packets_pkey PRIMARY KEY (attempt, number)
);
CREATE TABLE access (
  id text NOT NULL,
  hash text NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT access_hash_key UNIQUE (hash),
  CONSTRAINT access_pkey PRIMARY KEY (id)
);
CREATE TABLE audit (
  id bigint NOT NULL DEFAULT nextval('audit_id_seq'::regclass),
  at bigint NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (id)
);
CREATE INDEX attempts_by_end ON public.attempts USING btree (last_at);
CREATE INDEX attempts_by_mac ON public.attempts USING btree (mac, started_at);
CREATE INDEX attempts_by_machine ON public.attempts USING btree (machine, started_at);
CREATE INDEX attempts_by_start ON public.attempts USING btree (started_at);
CREATE INDEX grants_by_spending ON public.grants USING btree (spent_at);
CREATE INDEX leases_by_key ON public.leases USING btree (site, subnet, key);
CREATE INDEX machine_macs_by_machine ON public.machine_macs USING btree (machine);
INSERT INTO schema_version VALUES (2);
