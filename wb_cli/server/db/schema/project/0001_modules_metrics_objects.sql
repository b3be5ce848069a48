-- `last_run` is the version of everything a module provides, `last_updated` that of everything an
-- object's detail shows. Both only ever move forward, in the order of commits: the row's lock makes
-- the next writer wait, and see what this one wrote.

CREATE FUNCTION next_version(previous timestamptz) RETURNS timestamptz LANGUAGE sql VOLATILE
    RETURN greatest(clock_timestamp(), previous + interval '1 microsecond');

-- The one text form of a version, whatever the session's time zone and date style.
CREATE FUNCTION version_text(version timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(version AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Months are whole numbers, 202401; this counts on from one.
CREATE FUNCTION months_later(period_id integer, months integer) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN (period_id / 100 * 12 + period_id % 100 - 1 + months) / 12 * 100
         + (period_id / 100 * 12 + period_id % 100 - 1 + months) % 12 + 1;

CREATE TABLE modules (
    id text PRIMARY KEY,
    label text NOT NULL,
    last_run timestamptz,      -- NULL: has not run yet
    run_started_at timestamptz -- not NULL: a run is writing results now, nothing is settled
);

-- A metric may name a module that is not installed yet; hence no foreign key to modules.
CREATE TABLE results_objects (
    id text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_]{0,47}$'),
    module_id text NOT NULL,
    label text NOT NULL,
    dimensions text[] NOT NULL,
    measures text[] NOT NULL
);

CREATE TABLE metrics (
    id text PRIMARY KEY,
    module_id text NOT NULL,
    label text NOT NULL,
    results_object_id text NOT NULL REFERENCES results_objects,
    value_props text[] NOT NULL CHECK (cardinality(value_props) > 0),
    value_func text NOT NULL CHECK (value_func IN ('sum', 'avg', 'min', 'max', 'count'))
);
CREATE INDEX metrics_by_module ON metrics (module_id);
CREATE INDEX metrics_by_results_object ON metrics (results_object_id);

CREATE TABLE presentation_objects (
    id text PRIMARY KEY,
    label text NOT NULL,
    metric_id text NOT NULL REFERENCES metrics,
    config jsonb NOT NULL,
    last_updated timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX presentation_objects_by_metric ON presentation_objects (metric_id);

CREATE FUNCTION move_own_last_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_updated := next_version(OLD.last_updated);
    RETURN NEW;
END $$;
CREATE TRIGGER moves_last_updated BEFORE UPDATE ON presentation_objects
    FOR EACH ROW WHEN (NEW.last_updated = OLD.last_updated)
    EXECUTE FUNCTION move_own_last_updated();

CREATE FUNCTION move_last_run(module text) RETURNS void LANGUAGE sql AS $$
    UPDATE modules SET last_run = next_version(last_run)
    WHERE id = module AND last_run IS NOT NULL
$$;

CREATE FUNCTION metric_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE presentation_objects SET last_updated = next_version(last_updated)
    WHERE metric_id = NEW.id;
    PERFORM move_last_run(NEW.module_id);
    RETURN NULL;
END $$;
CREATE TRIGGER moves_versions AFTER UPDATE ON metrics
    FOR EACH ROW EXECUTE FUNCTION metric_changed();

CREATE FUNCTION results_object_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE presentation_objects SET last_updated = next_version(last_updated)
    WHERE metric_id IN (SELECT id FROM metrics WHERE results_object_id = NEW.id);
    PERFORM move_last_run(NEW.module_id);
    RETURN NULL;
END $$;
CREATE TRIGGER moves_versions AFTER UPDATE ON results_objects
    FOR EACH ROW EXECUTE FUNCTION results_object_changed();

CREATE FUNCTION module_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE presentation_objects SET last_updated = next_version(last_updated)
    WHERE metric_id IN (SELECT id FROM metrics WHERE module_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER moves_versions AFTER UPDATE OF label ON modules
    FOR EACH ROW EXECUTE FUNCTION module_renamed();

-- For every results table: what is written outside a run moves the version at once.
CREATE FUNCTION results_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_last_run(TG_ARGV[0]);
    RETURN NULL;
END $$;

-- Not transactional for readers, who would see an emptied table under the version of a full one.
CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % would empty it under readers; use DELETE', TG_TABLE_NAME;
END $$;
