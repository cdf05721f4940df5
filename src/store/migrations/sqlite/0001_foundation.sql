-- The whole foundation. Rules: internal ids are integers and never leave the server; public ids are text;
-- times are milliseconds since 1970 (0 = never / not yet); booleans are 0 or 1; secrets are SHA-256
-- digests or sealed; JSON is text. The same table and column names exist under postgres/.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- People ------------------------------------------------------------------------------------------
CREATE TABLE account (            -- a person; email is a way to find them, never an identifier
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,
	email TEXT NOT NULL,                   -- as typed
	email_key TEXT NOT NULL UNIQUE,        -- lower case
	name TEXT NOT NULL,
	locale TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	disabled_ms INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE identity (           -- a way to sign in: password now, others later
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account(id),
	kind TEXT NOT NULL,                    -- 'password'
	subject TEXT NOT NULL,                 -- for 'password': the account's public_id
	secret TEXT NOT NULL,                  -- argon2id string
	created_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	UNIQUE (kind, subject)
);
CREATE INDEX identity_account ON identity(account_id);
CREATE TABLE session (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	digest BLOB NOT NULL UNIQUE,
	account_id INTEGER NOT NULL REFERENCES account(id),
	method TEXT NOT NULL,
	auth_time_ms INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	address TEXT NOT NULL,
	user_agent TEXT NOT NULL
);
CREATE INDEX session_account ON session(account_id);
CREATE INDEX session_expires ON session(expires_ms);

CREATE TABLE organization (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,
	slug TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	deleted_ms INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE member (
	organization_id INTEGER NOT NULL REFERENCES organization(id),
	account_id INTEGER NOT NULL REFERENCES account(id),
	role TEXT NOT NULL,                    -- owner admin member
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (organization_id, account_id)
);
CREATE INDEX member_account ON member(account_id);
CREATE TABLE slug_alias (         -- former slugs keep answering after a rename
	organization_slug TEXT NOT NULL,
	project_slug TEXT NOT NULL DEFAULT '', -- '' = the organization itself
	organization_id INTEGER NOT NULL REFERENCES organization(id),
	project_id INTEGER,
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (organization_slug, project_slug)
);

-- Apps and what they hold -------------------------------------------------------------------------
CREATE TABLE app (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	client_id TEXT NOT NULL UNIQUE,
	organization_id INTEGER REFERENCES organization(id),   -- who registered it
	account_id INTEGER REFERENCES account(id),
	name TEXT NOT NULL,
	kind TEXT NOT NULL,                    -- web native spa
	class TEXT NOT NULL DEFAULT 'partner', -- partner mcp
	verified INTEGER NOT NULL DEFAULT 0,
	confidential INTEGER NOT NULL,
	auth_method TEXT NOT NULL DEFAULT '',  -- '' = basic and post are interchangeable
	pkce_required INTEGER NOT NULL,
	refresh_policy TEXT NOT NULL,          -- stable rotating lagging
	refresh_grace_s INTEGER NOT NULL DEFAULT 120,
	scopes INTEGER NOT NULL,               -- what it may ask for, a bit set
	icon_url TEXT NOT NULL DEFAULT '',
	invalid_grant_401 INTEGER NOT NULL DEFAULT 0,
	dev_loopback INTEGER NOT NULL DEFAULT 0,   -- loopback redirect URIs match on any port
	created_ms INTEGER NOT NULL,
	disabled_ms INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE app_redirect (
	app_id INTEGER NOT NULL REFERENCES app(id),
	position INTEGER NOT NULL,
	uri TEXT NOT NULL,
	PRIMARY KEY (app_id, position)
);
CREATE TABLE app_secret (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	app_id INTEGER NOT NULL REFERENCES app(id),
	digest BLOB NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL DEFAULT 0, -- 0 = until rotated
	used_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX app_secret_app ON app_secret(app_id);

CREATE TABLE authorization_request (  -- one visit to the authorize endpoint, from first request to code
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	digest BLOB NOT NULL UNIQUE,           -- of the id that the pages carry; never redeemable
	app_id INTEGER NOT NULL REFERENCES app(id),
	account_id INTEGER NOT NULL DEFAULT 0, -- fixed once consent is shown
	redirect_uri TEXT NOT NULL,
	state TEXT,                            -- NULL = absent
	scopes INTEGER NOT NULL,
	scope_text TEXT NOT NULL,              -- OpenID scopes asked for, space separated
	challenge TEXT NOT NULL DEFAULT '',
	nonce TEXT NOT NULL DEFAULT '',
	resource TEXT NOT NULL DEFAULT '',     -- space separated
	prompt TEXT NOT NULL DEFAULT '',
	locale TEXT NOT NULL DEFAULT '',
	issuer TEXT NOT NULL,
	choice TEXT NOT NULL DEFAULT '',       -- what was approved; text of oauth/choice.h
	phase TEXT NOT NULL,                   -- open approved spent denied
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
);
CREATE INDEX authorization_request_expires ON authorization_request(expires_ms);

CREATE TABLE code (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	digest BLOB NOT NULL UNIQUE,
	app_id INTEGER NOT NULL REFERENCES app(id),
	account_id INTEGER NOT NULL REFERENCES account(id),
	redirect_uri TEXT NOT NULL,
	challenge TEXT NOT NULL DEFAULT '',
	nonce TEXT NOT NULL DEFAULT '',
	resource TEXT NOT NULL DEFAULT '',
	scope_text TEXT NOT NULL DEFAULT '',
	choice TEXT NOT NULL,                  -- organizations, projects, scopes; text of oauth/choice.h
	auth_time_ms INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	redeemed_ms INTEGER NOT NULL DEFAULT 0,
	wrong_verifiers INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX code_expires ON code(expires_ms);

CREATE TABLE installation (       -- a grant: one app connected to one organization by one person
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,        -- grt_…; changes when scopes or projects change
	app_id INTEGER NOT NULL REFERENCES app(id),
	account_id INTEGER REFERENCES account(id),
	organization_id INTEGER NOT NULL REFERENCES organization(id),
	scopes INTEGER NOT NULL,
	project_mode TEXT NOT NULL,            -- all selected none
	version INTEGER NOT NULL DEFAULT 1,
	resource TEXT NOT NULL DEFAULT '',
	redirect_host TEXT NOT NULL DEFAULT '',-- where the last consent was sent back to
	key_thumbprint TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0,
	expires_ms INTEGER NOT NULL DEFAULT 0,
	suspended_ms INTEGER NOT NULL DEFAULT 0,
	revoked_ms INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX installation_live ON installation(app_id, account_id, organization_id) WHERE revoked_ms = 0;
CREATE INDEX installation_account ON installation(account_id);
CREATE INDEX installation_organization ON installation(organization_id);
CREATE TABLE installation_project (
	installation_id INTEGER NOT NULL REFERENCES installation(id),
	project_id INTEGER NOT NULL,
	PRIMARY KEY (installation_id, project_id)
);
CREATE INDEX installation_project_project ON installation_project(project_id);
CREATE TABLE installation_alias ( -- former public ids
	public_id TEXT PRIMARY KEY,
	installation_id INTEGER NOT NULL REFERENCES installation(id),
	created_ms INTEGER NOT NULL
);
CREATE INDEX installation_alias_installation ON installation_alias(installation_id);

CREATE TABLE refresh_family (
	id INTEGER PRIMARY KEY,                -- random, 62 bits; part of the token's text
	installation_id INTEGER NOT NULL REFERENCES installation(id),
	app_id INTEGER NOT NULL REFERENCES app(id),
	account_id INTEGER NOT NULL REFERENCES account(id),
	code_id INTEGER NOT NULL,              -- what issued it; a replayed code revokes it
	secret BLOB NOT NULL,                  -- 32 bytes sealed under the server key
	epoch INTEGER NOT NULL,
	generation INTEGER NOT NULL,           -- the live refresh token's
	counter INTEGER NOT NULL,              -- access tokens issued
	scope_text TEXT NOT NULL DEFAULT '',
	resource TEXT NOT NULL DEFAULT '',
	network TEXT NOT NULL DEFAULT '',      -- of the last successful refresh (/24 or /64)
	networks TEXT NOT NULL DEFAULT '',     -- "lagging": each network with the generation it first made
	history TEXT NOT NULL DEFAULT '',      -- when the last few generations were replaced, newest first
	created_ms INTEGER NOT NULL,
	rotated_ms INTEGER NOT NULL,           -- when the live generation began
	used_ms INTEGER NOT NULL,              -- last successful refresh
	idle_expires_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,           -- absolute
	access_expires_ms INTEGER NOT NULL,    -- of the newest access token
	revoked_ms INTEGER NOT NULL DEFAULT 0,
	reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX refresh_family_installation ON refresh_family(installation_id);
CREATE INDEX refresh_family_code ON refresh_family(code_id);

CREATE TABLE installation_token (
	id INTEGER PRIMARY KEY,                -- no AUTOINCREMENT: minted often, never referenced
	digest BLOB NOT NULL,
	installation_id INTEGER NOT NULL REFERENCES installation(id),
	grant_public_id TEXT NOT NULL,         -- the public id it was minted under
	family_id INTEGER NOT NULL,
	scopes INTEGER NOT NULL,
	project_mode TEXT NOT NULL,
	projects TEXT NOT NULL DEFAULT '',     -- internal ids, space separated, for 'selected'
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	disabled_ms INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX installation_token_digest ON installation_token(digest);
CREATE INDEX installation_token_installation ON installation_token(installation_id);
CREATE TABLE access_revoked (     -- single access tokens revoked before they expire
	digest BLOB PRIMARY KEY,
	expires_ms INTEGER NOT NULL
);

CREATE TABLE api_key (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,
	digest BLOB NOT NULL UNIQUE,
	prefix TEXT NOT NULL,                  -- first characters, to recognise it by
	kind TEXT NOT NULL,                    -- secret public
	organization_id INTEGER NOT NULL REFERENCES organization(id),
	account_id INTEGER REFERENCES account(id),
	name TEXT NOT NULL,
	scopes INTEGER NOT NULL,
	project_mode TEXT NOT NULL,
	projects TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0,
	revoked_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX api_key_organization ON api_key(organization_id);

-- Catalogue ---------------------------------------------------------------------------------------
CREATE TABLE project (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,        -- UUIDv4
	organization_id INTEGER NOT NULL REFERENCES organization(id),
	slug TEXT NOT NULL,
	name TEXT NOT NULL,
	source_language TEXT NOT NULL,
	file_structure TEXT NOT NULL,          -- single_file namespaced_folders
	key_format TEXT NOT NULL,              -- nested flat
	publish_drafts INTEGER NOT NULL DEFAULT 0,
	fill_from_source INTEGER NOT NULL DEFAULT 0,   -- gaps are filled at publish
	default_wrapped INTEGER NOT NULL DEFAULT 0,    -- default namespace: 0 root, 1 object "default"
	missing TEXT NOT NULL DEFAULT '',      -- '' = server's; compat strict
	publish_cooldown_s INTEGER NOT NULL DEFAULT -1,  -- -1 = server's
	publish_seq INTEGER NOT NULL DEFAULT 0,
	published_ms INTEGER NOT NULL DEFAULT 0,
	language_changed INTEGER NOT NULL DEFAULT 0,   -- unpublished language changes
	created_ms INTEGER NOT NULL,
	deleted_ms INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX project_slug ON project(organization_id, slug) WHERE deleted_ms = 0;
CREATE TABLE language (           -- target languages; the source language is project.source_language
	project_id INTEGER NOT NULL REFERENCES project(id),
	code TEXT NOT NULL,
	status TEXT NOT NULL,                  -- active draft archived
	position INTEGER NOT NULL,
	changed INTEGER NOT NULL DEFAULT 1,    -- since the last publish
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (project_id, code)
);
CREATE TABLE namespace (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL REFERENCES project(id),
	name TEXT NOT NULL,
	description TEXT NOT NULL DEFAULT '',
	team TEXT NOT NULL DEFAULT '',
	domain TEXT NOT NULL DEFAULT '',
	ai_prompt TEXT NOT NULL DEFAULT '',
	tags TEXT NOT NULL DEFAULT '',         -- JSON array
	created_ms INTEGER NOT NULL,
	UNIQUE (project_id, name)
);
CREATE TABLE text_key (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,        -- UUIDv4
	project_id INTEGER NOT NULL REFERENCES project(id),
	namespace TEXT NOT NULL,               -- 'default' = the root
	name TEXT NOT NULL,                    -- without the namespace
	created_ms INTEGER NOT NULL,
	deleted_ms INTEGER NOT NULL DEFAULT 0  -- soft until the next publish
);
CREATE UNIQUE INDEX text_key_live ON text_key(project_id, namespace, name) WHERE deleted_ms = 0;
CREATE INDEX text_key_deleted ON text_key(project_id) WHERE deleted_ms <> 0;
CREATE TABLE text (               -- one language of one key; the source language is a row like any other
	key_id INTEGER NOT NULL REFERENCES text_key(id),
	language TEXT NOT NULL,
	project_id INTEGER NOT NULL,
	value TEXT NOT NULL,
	kind TEXT NOT NULL,                    -- text json
	state TEXT NOT NULL,                   -- draft pending reviewed approved published
	revision INTEGER NOT NULL,             -- of the row, from 1
	changed_ms INTEGER NOT NULL,
	PRIMARY KEY (key_id, language)
) WITHOUT ROWID;
CREATE INDEX text_language ON text(project_id, language);
CREATE INDEX text_empty ON text(project_id, language) WHERE value = '';
CREATE INDEX text_unpublished ON text(project_id, language, state) WHERE state <> 'published';
CREATE TABLE text_revision (      -- what a text was before each change
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	key_id INTEGER NOT NULL,
	language TEXT NOT NULL,
	revision INTEGER NOT NULL,             -- the revision that this value was
	value TEXT NOT NULL,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	account_id INTEGER NOT NULL DEFAULT 0, -- who replaced it
	app_id INTEGER NOT NULL DEFAULT 0,     -- through which app
	replaced_ms INTEGER NOT NULL
);
CREATE INDEX text_revision_text ON text_revision(key_id, language);

-- Publishing --------------------------------------------------------------------------------------
CREATE TABLE snapshot (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL REFERENCES project(id),
	seq INTEGER NOT NULL,
	meta TEXT NOT NULL,                    -- JSON: source, languages in order, namespaces
	live INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	UNIQUE (project_id, seq)
);
CREATE UNIQUE INDEX snapshot_live ON snapshot(project_id) WHERE live = 1;
CREATE TABLE snapshot_file (
	snapshot_id INTEGER NOT NULL REFERENCES snapshot(id),
	language TEXT NOT NULL,
	namespace TEXT NOT NULL,               -- '' = the whole locale
	version TEXT NOT NULL,                 -- of the locale: base36 time, dash, hash
	digest TEXT NOT NULL,                  -- hex SHA-256 of the identity bytes = blob name
	bytes INTEGER NOT NULL,
	leaves INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,           -- strictly monotonic per locale
	PRIMARY KEY (snapshot_id, language, namespace)
);
CREATE INDEX snapshot_file_digest ON snapshot_file(digest);
CREATE TABLE job (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	public_id TEXT NOT NULL UNIQUE,        -- UUIDv4
	kind TEXT NOT NULL,                    -- batch_publish …
	project_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL DEFAULT 0,
	app_id INTEGER NOT NULL DEFAULT 0,
	via TEXT NOT NULL DEFAULT '',          -- api session local system
	state TEXT NOT NULL,                   -- pending in_progress completed failed cancelled
	input TEXT NOT NULL DEFAULT '',        -- JSON
	result TEXT NOT NULL DEFAULT '',       -- JSON: counts, affected keys
	log TEXT NOT NULL DEFAULT '',          -- one line an entry
	error TEXT NOT NULL DEFAULT '',
	owner TEXT NOT NULL DEFAULT '',        -- lease: process id text
	epoch INTEGER NOT NULL DEFAULT 0,      -- lease: grows with each owner
	lease_until_ms INTEGER NOT NULL DEFAULT 0,
	not_before_ms INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL DEFAULT 0,
	finished_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_open ON job(id) WHERE finished_ms = 0;
CREATE INDEX job_project ON job(project_id, id);

-- Records -----------------------------------------------------------------------------------------
CREATE TABLE audit_event (        -- append only; written in the transaction of what it tells
	id INTEGER PRIMARY KEY,                -- look-up indexes are built behind, not at write time
	at_ms INTEGER NOT NULL,
	kind TEXT NOT NULL,
	account_id INTEGER NOT NULL DEFAULT 0,
	app_id INTEGER NOT NULL DEFAULT 0,
	organization_id INTEGER NOT NULL DEFAULT 0,
	installation_id INTEGER NOT NULL DEFAULT 0,
	project_id INTEGER NOT NULL DEFAULT 0,
	request_id TEXT NOT NULL DEFAULT '',
	address TEXT NOT NULL DEFAULT '',
	user_agent TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT ''        -- JSON, never a secret
);
CREATE TABLE notice (             -- shown on the settings pages
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL DEFAULT 0,
	organization_id INTEGER NOT NULL DEFAULT 0,
	kind TEXT NOT NULL,
	detail TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	read_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notice_account ON notice(account_id);
CREATE INDEX notice_organization ON notice(organization_id);
