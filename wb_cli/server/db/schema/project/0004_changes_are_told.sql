-- Whoever listens to `wb_changes` hears what has changed, together with the commit that shows it.
-- The payload is the id of an object, or empty: then anything in this database may have changed.
--
-- Only what was there before can be remembered by a reader. So an INSERT is not told.

CREATE FUNCTION tell_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Many notices cost their readers more than one look at everything. A notice has 8,000 bytes.
    IF (SELECT count(*) > 100 OR max(octet_length(id)) > 4000 FROM changed) THEN
        PERFORM pg_notify('wb_changes', '');
    ELSE
        PERFORM pg_notify('wb_changes', id) FROM changed;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tells_update AFTER UPDATE ON presentation_objects
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_objects();
CREATE TRIGGER tells_delete AFTER DELETE ON presentation_objects
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_objects();

CREATE FUNCTION tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wb_changes', '');
    RETURN NULL;
END $$;

DO $$
DECLARE input text;
BEGIN
    FOREACH input IN ARRAY ARRAY['modules', 'metrics', 'results_objects'] LOOP
        EXECUTE format(
            'CREATE TRIGGER tells_change AFTER UPDATE OR DELETE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION tell_all()', input);
    END LOOP;
END $$;
