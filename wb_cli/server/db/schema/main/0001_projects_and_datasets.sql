-- Versions are moved by triggers on every input they stand for, so that no writer can forget one.
-- Truncating is refused throughout: it is not transactional for readers, who would see an emptied
-- table under the version of a full one.

-- Versions are moments in milliseconds, and always move: after a restore, or in a database made
-- anew, they do not repeat those that cache entries in Valkey may still bear.
CREATE FUNCTION next_version(previous bigint) RETURNS bigint LANGUAGE sql VOLATILE
    RETURN greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, previous + 1);

CREATE TABLE projects (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    label text NOT NULL,
    is_sample boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE instance_config (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    facility_columns text[] NOT NULL DEFAULT '{}'
        CHECK (facility_columns <@ ARRAY['facility_type', 'ownership', 'residence']),
    -- Moves with everything that HMIS items are derived with besides the counts themselves.
    indicator_mappings_version bigint NOT NULL DEFAULT next_version(0),
    sample_arguments jsonb
);
INSERT INTO instance_config DEFAULT VALUES;

CREATE TABLE facilities (
    id text PRIMARY KEY,
    label text NOT NULL,
    admin_area_1 text NOT NULL,
    admin_area_2 text NOT NULL,
    admin_area_3 text,
    admin_area_4 text,
    facility_type text,
    ownership text,
    residence text
);

CREATE TABLE raw_indicators (id text PRIMARY KEY, label text NOT NULL);
CREATE TABLE common_indicators (id text PRIMARY KEY, label text NOT NULL);
CREATE TABLE indicator_mappings (
    common_id text NOT NULL REFERENCES common_indicators ON DELETE CASCADE,
    raw_id text NOT NULL REFERENCES raw_indicators ON DELETE CASCADE,
    PRIMARY KEY (raw_id, common_id)
);
CREATE INDEX indicator_mappings_by_common ON indicator_mappings (common_id);

CREATE TABLE dataset_hmis_versions (
    id bigint PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE dataset_hmis (
    facility_id text NOT NULL REFERENCES facilities,
    raw_indicator_id text NOT NULL REFERENCES raw_indicators,
    period_id integer NOT NULL CHECK (period_id % 100 BETWEEN 1 AND 12),
    count bigint NOT NULL,
    PRIMARY KEY (raw_indicator_id, period_id, facility_id)
);
CREATE INDEX dataset_hmis_by_facility ON dataset_hmis (facility_id);

CREATE TABLE dataset_hfa_versions (LIKE dataset_hmis_versions INCLUDING ALL);
CREATE TABLE hfa_indicators (id text PRIMARY KEY, label text NOT NULL);
-- A survey's answers stay where the facility was when it was asked.
CREATE TABLE dataset_hfa (
    facility_id text NOT NULL,
    admin_area_2 text NOT NULL,
    indicator_id text NOT NULL REFERENCES hfa_indicators,
    time_point text NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (indicator_id, time_point, facility_id)
);

-- One version per transaction, and one writer at a time: a version that was given out earlier must
-- not become visible later, or data would change under the newest one.
CREATE FUNCTION begin_dataset_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE begun text := 'wb.begun_in_' || TG_ARGV[0]; -- a setting that ends with the transaction
BEGIN
    IF current_setting(begun, true) = 'yes' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', TG_ARGV[0]);
    EXECUTE format('INSERT INTO %1$I SELECT next_version(max(id)) FROM %1$I', TG_ARGV[0]);
    PERFORM set_config(begun, 'yes', true);
    RETURN NULL;
END $$;

CREATE FUNCTION move_indicator_mappings_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE instance_config 
        SET indicator_mappings_version = next_version(indicator_mappings_version);
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % would empty it under readers; use DELETE', TG_TABLE_NAME;
END $$;

CREATE TRIGGER moves_version AFTER INSERT OR UPDATE OR DELETE ON dataset_hmis
    FOR EACH STATEMENT EXECUTE FUNCTION begin_dataset_version('dataset_hmis_versions');
CREATE TRIGGER moves_version AFTER INSERT OR UPDATE OR DELETE ON dataset_hfa
    FOR EACH STATEMENT EXECUTE FUNCTION begin_dataset_version('dataset_hfa_versions');
CREATE TRIGGER moves_version AFTER INSERT OR UPDATE OR DELETE ON hfa_indicators
    FOR EACH STATEMENT EXECUTE FUNCTION begin_dataset_version('dataset_hfa_versions');

DO $$
DECLARE input text;
BEGIN
    FOREACH input IN ARRAY ARRAY[
        'facilities', 'raw_indicators', 'common_indicators', 'indicator_mappings'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER moves_version AFTER INSERT OR UPDATE OR DELETE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION move_indicator_mappings_version()', input);
    END LOOP;
    FOREACH input IN ARRAY ARRAY[
        'facilities', 'raw_indicators', 'common_indicators', 'indicator_mappings',
        'dataset_hmis', 'dataset_hfa', 'hfa_indicators'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', input);
    END LOOP;
END $$;
