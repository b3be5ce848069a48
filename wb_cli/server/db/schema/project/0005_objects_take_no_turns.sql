-- A turn is a lock, and PostgreSQL has room for some 6,400 (`max_locks_per_transaction` for each
-- connection): it refused a transaction that wrote more objects than that, "out of shared memory".
--
-- Who makes an object again while it is deleted waits for the deletion in any case, at the primary
-- key. But then its version was given out before that. So it is looked at once more, at the end of
-- the statement, when the deletion has left its floor.

CREATE OR REPLACE FUNCTION object_refers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE referred record;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.metric_id = OLD.metric_id THEN
        RETURN NEW;
    END IF;
    SELECT module_id, results_object_id INTO referred
        FROM metrics WHERE id = NEW.metric_id FOR SHARE;
    PERFORM FROM results_objects WHERE id = referred.results_object_id FOR SHARE;
    PERFORM share_turn('name of module', referred.module_id);
    RETURN NEW;
END $$;
DROP TRIGGER a_takes_turns ON presentation_objects;
CREATE TRIGGER a_takes_turns BEFORE INSERT OR UPDATE ON presentation_objects
    FOR EACH ROW EXECUTE FUNCTION object_refers();

CREATE FUNCTION objects_begin_after_their_floors() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    late text[] := ARRAY(
        SELECT written.id FROM written JOIN version_floors floors
        ON floors.kind = 'object' AND floors.id = written.id
        WHERE written.last_updated <= floors.version);
BEGIN
    IF cardinality(late) > 0 THEN
        UPDATE presentation_objects SET last_updated = next_version(last_updated)
        WHERE id = ANY (late);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER begins_after_floor AFTER INSERT ON presentation_objects
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION objects_begin_after_their_floors();
CREATE TRIGGER begins_after_floor_of_new_id AFTER UPDATE ON presentation_objects
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION objects_begin_after_their_floors();
