-- The epoch of each cache that was ever cleared. An entry of another epoch is never served.
CREATE TABLE cache_epochs (cache text PRIMARY KEY, epoch bigint NOT NULL);

CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON cache_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION tell_table();
CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON cache_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
