-- The versions themselves cannot be taken back, whoever writes them.

CREATE FUNCTION keep_mappings_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'instance_config holds a version, which only moves forward; use UPDATE';
    END IF;
    IF NEW.indicator_mappings_version < OLD.indicator_mappings_version THEN
        NEW.indicator_mappings_version := next_version(OLD.indicator_mappings_version);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_moves_forward BEFORE UPDATE OR DELETE ON instance_config
    FOR EACH ROW EXECUTE FUNCTION keep_mappings_version();

-- The newest row is the version. Older ones may go.
CREATE FUNCTION keep_newest_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE has_newer boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id > $1)', TG_TABLE_NAME)
        INTO has_newer USING OLD.id;
    IF NOT has_newer THEN
        RAISE EXCEPTION 'the newest row of % is a version, which only moves forward', TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

DO $$
DECLARE versions text;
BEGIN
    FOREACH versions IN ARRAY ARRAY['dataset_hmis_versions', 'dataset_hfa_versions'] LOOP
        EXECUTE format(
            'CREATE TRIGGER only_moves_forward BEFORE UPDATE OF id OR DELETE ON %I
             FOR EACH ROW EXECUTE FUNCTION keep_newest_version()', versions);
    END LOOP;
    FOREACH versions IN ARRAY ARRAY[
        'dataset_hmis_versions', 'dataset_hfa_versions', 'instance_config'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', versions);
    END LOOP;
END $$;
