-- Every input of a version moves it: at INSERT, UPDATE and DELETE, and only forward, whatever is
-- written. `tests/version_inputs.py` lists the inputs of each cached result.
--
-- The results of a results object, and what is told of its metrics, have the `last_run` of the
-- results object's module as their version.

-- The newest version that a thing had before it went, or before its results came from another
-- module. Whatever comes in its place begins after it.
CREATE TABLE version_floors (
    kind text NOT NULL,
    id text NOT NULL,
    version timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE FUNCTION floor_of(of_kind text, of_id text) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN (SELECT version FROM version_floors WHERE kind = of_kind AND id = of_id);

CREATE FUNCTION raise_floor(of_kind text, of_id text, to_version timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO version_floors SELECT of_kind, of_id, to_version WHERE to_version IS NOT NULL
    ON CONFLICT (kind, id) DO UPDATE SET version = greatest(version_floors.version, to_version)
$$;

-- The version that was asked for where it is later than the floor and can be told as text, else
-- the next one after the floor.
CREATE FUNCTION version_after(asked timestamptz, floor timestamptz) RETURNS timestamptz
    LANGUAGE sql VOLATILE
    RETURN CASE
        WHEN isfinite(asked) AND asked >= '0001-01-01Z' AND (floor IS NULL OR asked > floor)
        THEN asked ELSE next_version(floor) END;

UPDATE presentation_objects SET last_updated = clock_timestamp()
    WHERE NOT (isfinite(last_updated) AND last_updated >= '0001-01-01Z');
UPDATE modules SET last_run = clock_timestamp()
    WHERE NOT (isfinite(last_run) AND last_run >= '0001-01-01Z');

-- Objects ------------------------------------------------------------------------------------

DROP TRIGGER moves_last_updated ON presentation_objects;
DROP FUNCTION move_own_last_updated;

CREATE FUNCTION object_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE floor timestamptz;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        floor := OLD.last_updated;
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NEW.id <> OLD.id) THEN
        PERFORM raise_floor('object', OLD.id, OLD.last_updated);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.last_updated := version_after(
        NEW.last_updated, greatest(floor, floor_of('object', NEW.id)));
    RETURN NEW;
END $$;
CREATE TRIGGER moves_version BEFORE INSERT OR UPDATE OR DELETE ON presentation_objects
    FOR EACH ROW EXECUTE FUNCTION object_written();

CREATE FUNCTION move_objects_of(metric_ids text[]) RETURNS void LANGUAGE sql AS $$
    UPDATE presentation_objects SET last_updated = next_version(last_updated)
    WHERE metric_id = ANY (metric_ids)
$$;

-- Modules ------------------------------------------------------------------------------------

CREATE FUNCTION module_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE floor timestamptz;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        floor := OLD.last_run;
        IF TG_OP = 'DELETE' OR NEW.id <> OLD.id OR NEW.last_run IS NULL THEN
            PERFORM raise_floor('module', OLD.id, OLD.last_run);
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        IF NEW.id = OLD.id AND NEW.last_run = OLD.last_run THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NEW.last_run IS NOT NULL THEN
        NEW.last_run := version_after(NEW.last_run, greatest(floor, floor_of('module', NEW.id)));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER moves_version BEFORE INSERT OR UPDATE OR DELETE ON modules
    FOR EACH ROW EXECUTE FUNCTION module_version();

DROP TRIGGER moves_versions ON modules;
DROP FUNCTION module_renamed;

-- A module that comes, goes or is renamed is shown so by the details of its objects.
CREATE FUNCTION module_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND NEW.label = OLD.label THEN
        RETURN NULL;
    END IF;
    PERFORM move_objects_of(ARRAY(
        SELECT id FROM metrics WHERE module_id IN (OLD.id, NEW.id)));
    RETURN NULL;
END $$;
CREATE TRIGGER moves_objects AFTER INSERT OR UPDATE OR DELETE ON modules
    FOR EACH ROW EXECUTE FUNCTION module_named();

-- Moves modules to one new version, later than any that one of them had or has. Results that pass
-- from one of them to another then bear a later version, too.
CREATE FUNCTION move_last_runs(module_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    newest timestamptz := (
        SELECT max(version) FROM (
            SELECT last_run AS version FROM modules WHERE id = ANY (module_ids)
            UNION ALL
            SELECT version FROM version_floors WHERE kind = 'module' AND id = ANY (module_ids)
        ) versions);
BEGIN
    UPDATE modules SET last_run = next_version(greatest(last_run, newest))
    WHERE id = ANY (module_ids) AND last_run IS NOT NULL;
    IF cardinality(module_ids) > 1 THEN
        PERFORM raise_floor('module', id, newest) FROM unnest(module_ids) AS id;
    END IF;
END $$;

-- Metrics and results objects ----------------------------------------------------------------

DROP TRIGGER moves_versions ON metrics;
DROP TRIGGER moves_versions ON results_objects;
DROP FUNCTION metric_changed;
DROP FUNCTION results_object_changed;

-- A new metric is nobody's input yet. One that takes another's place comes after its DELETE.
CREATE FUNCTION metric_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_objects_of(ARRAY[OLD.id]);
    PERFORM move_last_runs(ARRAY(
        SELECT DISTINCT module_id FROM results_objects
        WHERE id IN (OLD.results_object_id, NEW.results_object_id)));
    RETURN NULL;
END $$;
CREATE TRIGGER moves_versions AFTER UPDATE OR DELETE ON metrics
    FOR EACH ROW EXECUTE FUNCTION metric_changed();

CREATE FUNCTION results_object_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_objects_of(ARRAY(SELECT id FROM metrics WHERE results_object_id = OLD.id));
    PERFORM move_last_runs(ARRAY(
        SELECT DISTINCT id FROM unnest(ARRAY[OLD.module_id, NEW.module_id]) AS id
        WHERE id IS NOT NULL));
    RETURN NULL;
END $$;
CREATE TRIGGER moves_versions AFTER UPDATE OR DELETE ON results_objects
    FOR EACH ROW EXECUTE FUNCTION results_object_changed();

-- Results ------------------------------------------------------------------------------------

-- The module of today, which need not be the one that the trigger was made for.
CREATE OR REPLACE FUNCTION results_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_last_runs(ARRAY(
        SELECT module_id FROM results_objects WHERE 'results_' || id = TG_TABLE_NAME));
    RETURN NULL;
END $$;
DROP FUNCTION move_last_run;

DO $$
DECLARE input text;
BEGIN
    FOREACH input IN ARRAY ARRAY[
        'modules', 'metrics', 'results_objects', 'presentation_objects', 'version_floors'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', input);
    END LOOP;
END $$;

-- Runs ---------------------------------------------------------------------------------------

-- Runs of one module may overlap. Its results are settled when the last of them is completed.
CREATE TABLE module_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    module_id text NOT NULL REFERENCES modules ON DELETE CASCADE ON UPDATE CASCADE,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX module_runs_by_module ON module_runs (module_id);
