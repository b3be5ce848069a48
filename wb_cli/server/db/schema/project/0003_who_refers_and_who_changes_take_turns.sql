-- Who refers to something and who changes it take turns: else the change, committed later, would
-- show under the version that was given out in between.

-- Held until the transaction ends. For what may not be there, and so has no row to lock.
CREATE FUNCTION take_turn(of_kind text, of_id text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(of_kind || ' ' || of_id, 0))
$$;
CREATE FUNCTION share_turn(of_kind text, of_id text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(hashtextextended(of_kind || ' ' || of_id, 0))
$$;

-- An object's detail shows its metric, its results object and its module.
CREATE FUNCTION object_refers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE referred record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM take_turn('object', OLD.id);
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.id <> OLD.id THEN
        PERFORM take_turn('object', NEW.id);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.metric_id = OLD.metric_id THEN
        RETURN NEW;
    END IF;
    SELECT module_id, results_object_id INTO referred
        FROM metrics WHERE id = NEW.metric_id FOR SHARE;
    PERFORM FROM results_objects WHERE id = referred.results_object_id FOR SHARE;
    PERFORM share_turn('name of module', referred.module_id);
    RETURN NEW;
END $$;
CREATE TRIGGER a_takes_turns BEFORE INSERT OR UPDATE OR DELETE ON presentation_objects
    FOR EACH ROW EXECUTE FUNCTION object_refers();

CREATE FUNCTION metric_refers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM results_objects WHERE id = NEW.results_object_id FOR SHARE;
    PERFORM share_turn('name of module', NEW.module_id);
    RETURN NEW;
END $$;
CREATE TRIGGER a_takes_turns BEFORE INSERT OR UPDATE OF module_id, results_object_id ON metrics
    FOR EACH ROW EXECUTE FUNCTION metric_refers();

CREATE FUNCTION module_named_or_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM take_turn('name of module', OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM take_turn('name of module', NEW.id);
        IF TG_OP = 'INSERT' OR NEW.id <> OLD.id THEN
            PERFORM take_turn('results of module', NEW.id);
        END IF;
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER a_takes_turns BEFORE INSERT OR UPDATE OF id, label OR DELETE ON modules
    FOR EACH ROW EXECUTE FUNCTION module_named_or_gone();

CREATE OR REPLACE FUNCTION move_last_runs(module_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    newest timestamptz;
BEGIN
    PERFORM share_turn('results of module', id) FROM unnest(module_ids) AS id ORDER BY id;
    -- Those that have not run yet, too: whoever completes their first run waits for what is written.
    PERFORM FROM modules WHERE id = ANY (module_ids) ORDER BY id FOR NO KEY UPDATE;
    SELECT max(version) INTO newest FROM (
        SELECT last_run AS version FROM modules WHERE id = ANY (module_ids)
        UNION ALL
        SELECT version FROM version_floors WHERE kind = 'module' AND id = ANY (module_ids)
    ) versions;
    UPDATE modules SET last_run = next_version(greatest(last_run, newest))
    WHERE id = ANY (module_ids) AND last_run IS NOT NULL;
    IF cardinality(module_ids) > 1 THEN
        PERFORM raise_floor('module', id, newest) FROM unnest(module_ids) AS id;
    END IF;
END $$;

-- Locks are taken in one order, metrics, modules, objects: two who write at once then wait, and do
-- not lock each other out.
CREATE OR REPLACE FUNCTION metric_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_last_runs(ARRAY(
        SELECT DISTINCT module_id FROM results_objects
        WHERE id IN (OLD.results_object_id, NEW.results_object_id)));
    PERFORM move_objects_of(ARRAY[OLD.id]);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION results_object_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_last_runs(ARRAY(
        SELECT DISTINCT id FROM unnest(ARRAY[OLD.module_id, NEW.module_id]) AS id
        WHERE id IS NOT NULL));
    PERFORM move_objects_of(ARRAY(SELECT id FROM metrics WHERE results_object_id = OLD.id));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION move_objects_of(metric_ids text[]) RETURNS void LANGUAGE sql AS $$
    UPDATE presentation_objects SET last_updated = next_version(last_updated)
    WHERE id IN (
        SELECT id FROM presentation_objects WHERE metric_id = ANY (metric_ids)
        ORDER BY id FOR NO KEY UPDATE)
$$;
