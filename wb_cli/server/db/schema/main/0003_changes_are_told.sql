-- Whoever listens to `wb_changes` hears that a dataset or a project has changed, together with the
-- commit that shows it. The payload is the name of the table that says so.

CREATE FUNCTION tell_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wb_changes', TG_TABLE_NAME);
    RETURN NULL;
END $$;

DO $$
DECLARE input text;
BEGIN
    FOREACH input IN ARRAY ARRAY[
        'projects', 'instance_config', 'dataset_hmis_versions', 'dataset_hfa_versions'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION tell_table()', input);
    END LOOP;
END $$;
