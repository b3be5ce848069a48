-- The epoch of each project that was ever cleared. No row goes with its project: a project that is
-- made anew under the same id must not go on in an epoch from before a clear.
CREATE TABLE project_epochs (project text PRIMARY KEY, epoch bigint NOT NULL);

CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON project_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION tell_table();
CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON project_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
