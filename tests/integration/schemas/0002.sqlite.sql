CREATE TABLE qbo_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT qbo_alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE qbo_connection (
	id VARCHAR NOT NULL, 
	org_id VARCHAR NOT NULL, 
	current BOOLEAN NOT NULL, 
	epoch INTEGER NOT NULL, 
	environment VARCHAR NOT NULL, 
	company_name VARCHAR NOT NULL, 
	realm_enc VARCHAR NOT NULL, 
	access_enc VARCHAR, 
	refresh_enc VARCHAR, 
	access_expires_at BIGINT, 
	refresh_expires_at BIGINT, 
	refresh_owner VARCHAR, 
	refresh_until BIGINT NOT NULL, 
	connected_at BIGINT NOT NULL, 
	connected_by VARCHAR NOT NULL, 
	disconnected_at BIGINT, 
	expired_at BIGINT, 
	pending_at BIGINT, 
	region_closed_at BIGINT, 
	lease_owner VARCHAR, 
	lease_until BIGINT NOT NULL, 
	fence INTEGER NOT NULL, 
	paused_until BIGINT NOT NULL, 
	pause_code VARCHAR, 
	pause_text VARCHAR, 
	look_first_until BIGINT NOT NULL, 
	profile VARCHAR, 
	profile_at BIGINT, 
	default_item_id VARCHAR, 
	tax_code_id VARCHAR, 
	CONSTRAINT pk_qbo_connection PRIMARY KEY (id)
);
CREATE TABLE qbo_history (
	id INTEGER NOT NULL, 
	company_id VARCHAR NOT NULL, 
	record_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	event VARCHAR NOT NULL, 
	operation VARCHAR, 
	qbo_id VARCHAR, 
	code VARCHAR, 
	text VARCHAR, 
	tid VARCHAR, 
	CONSTRAINT pk_qbo_history PRIMARY KEY (id)
);
CREATE TABLE qbo_item_map (
	company_id VARCHAR NOT NULL, 
	service_key VARCHAR NOT NULL, 
	service_name VARCHAR NOT NULL, 
	item_id VARCHAR, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_qbo_item_map PRIMARY KEY (company_id, service_key)
);
CREATE TABLE qbo_meter (
	owner VARCHAR NOT NULL, 
	hour BIGINT NOT NULL, 
	reads INTEGER NOT NULL, 
	writes INTEGER NOT NULL, 
	total_ms BIGINT NOT NULL, 
	longest_ms BIGINT NOT NULL, 
	buckets VARCHAR NOT NULL, 
	CONSTRAINT pk_qbo_meter PRIMARY KEY (owner, hour)
);
CREATE TABLE qbo_oauth_state (
	state_hash VARCHAR NOT NULL, 
	org_id VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	redirect_uri VARCHAR NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_qbo_oauth_state PRIMARY KEY (state_hash)
);
CREATE TABLE qbo_outage (
	id INTEGER NOT NULL, 
	company_id VARCHAR NOT NULL, 
	epoch INTEGER NOT NULL, 
	started_at BIGINT NOT NULL, 
	started_by VARCHAR NOT NULL, 
	ended_at BIGINT, 
	CONSTRAINT pk_qbo_outage PRIMARY KEY (id)
);
CREATE TABLE qbo_record (
	id INTEGER NOT NULL, 
	org_id VARCHAR NOT NULL, 
	company_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	local_id VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	amount BIGINT, 
	dated VARCHAR, 
	parent VARCHAR, 
	snapshot VARCHAR NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	generation INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	hold VARCHAR, 
	hold_note VARCHAR, 
	saved_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	touched_at BIGINT NOT NULL, 
	due_at BIGINT, 
	waiting BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	request_seq INTEGER NOT NULL, 
	request_key VARCHAR, 
	request_body VARCHAR, 
	request_operation VARCHAR, 
	request_fingerprint VARCHAR, 
	request_total BIGINT, 
	request_at BIGINT, 
	qbo_id VARCHAR, 
	sync_token VARCHAR, 
	deposit_account VARCHAR, 
	qbo_customer_id VARCHAR, 
	qbo_total BIGINT, 
	qbo_number VARCHAR, 
	synced_fingerprint VARCHAR, 
	synced_total BIGINT, 
	synced_at BIGINT, 
	sent_fields VARCHAR, 
	error_code VARCHAR, 
	error_text VARCHAR, 
	error_status INTEGER, 
	error_element VARCHAR, 
	error_tid VARCHAR, 
	error_subject VARCHAR, 
	error_at BIGINT, 
	first_failed_at BIGINT, 
	candidate_id VARCHAR, 
	candidate_token VARCHAR, 
	candidate_name VARCHAR, 
	batch INTEGER, 
	is_open BOOLEAN NOT NULL GENERATED ALWAYS AS (synced_fingerprint IS NULL OR synced_fingerprint <> fingerprint) STORED, 
	CONSTRAINT pk_qbo_record PRIMARY KEY (id), 
	CONSTRAINT uq_qbo_record_key UNIQUE (company_id, kind, local_id)
);
CREATE TABLE qbo_task (
	id INTEGER NOT NULL, 
	company_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	asked_by VARCHAR NOT NULL, 
	asked_at BIGINT NOT NULL, 
	arguments VARCHAR NOT NULL, 
	owner VARCHAR, 
	beat_at BIGINT, 
	done INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	finished_at BIGINT, 
	result VARCHAR, 
	problem VARCHAR, 
	CONSTRAINT pk_qbo_task PRIMARY KEY (id)
);
CREATE TABLE qbo_word (
	record_id INTEGER NOT NULL, 
	word VARCHAR NOT NULL, 
	company_id VARCHAR NOT NULL, 
	CONSTRAINT pk_qbo_word PRIMARY KEY (record_id, word)
)
 WITHOUT ROWID

;
CREATE INDEX ix_qbo_connection_org_id ON qbo_connection (org_id);
CREATE INDEX ix_qbo_history_company ON qbo_history (company_id, id);
CREATE INDEX ix_qbo_history_record ON qbo_history (record_id, id);
CREATE INDEX ix_qbo_oauth_state_expires_at ON qbo_oauth_state (expires_at);
CREATE INDEX ix_qbo_outage_company_id ON qbo_outage (company_id);
CREATE INDEX ix_qbo_record_dated ON qbo_record (company_id, kind, dated) WHERE dated IS NOT NULL;
CREATE INDEX ix_qbo_record_due ON qbo_record (company_id, epoch, kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ix_qbo_record_label ON qbo_record (company_id, lower(label));
CREATE INDEX ix_qbo_record_number ON qbo_record (company_id, lower(qbo_number)) WHERE qbo_number IS NOT NULL;
CREATE INDEX ix_qbo_record_open ON qbo_record (company_id, kind, hold, epoch, due_at, error_code, touched_at, batch, is_open) WHERE is_open = 1;
CREATE INDEX ix_qbo_record_parent ON qbo_record (company_id, kind, parent) WHERE parent IS NOT NULL;
CREATE INDEX ix_qbo_record_remote ON qbo_record (company_id, kind, qbo_id) WHERE qbo_id IS NOT NULL;
CREATE INDEX ix_qbo_record_sent ON qbo_record (company_id, kind, synced_at) WHERE synced_at IS NOT NULL;
CREATE INDEX ix_qbo_record_touched ON qbo_record (company_id, kind, touched_at);
CREATE INDEX ix_qbo_record_trouble ON qbo_record (company_id, epoch, kind, error_code, error_subject, first_failed_at, error_at, due_at, hold, is_open) WHERE error_code IS NOT NULL AND due_at IS NULL AND hold IS NULL AND is_open = 1;
CREATE INDEX ix_qbo_task_company ON qbo_task (company_id, name, id);
CREATE INDEX ix_qbo_word_word ON qbo_word (company_id, word);
CREATE UNIQUE INDEX uq_qbo_connection_current ON qbo_connection (org_id) WHERE current;
INSERT INTO qbo_alembic_version VALUES ('0002');
