from django.db import migrations

RELEASE_IS_IMMUTABLE = """
CREATE FUNCTION hierarchy_guard_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'PUBLISHED' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND (to_jsonb(NEW) - 'drafted_by_id') = (to_jsonb(OLD) - 'drafted_by_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a published release does not change' USING ERRCODE = 'check_violation', CONSTRAINT = 'release_is_immutable';
END $$;
CREATE TRIGGER release_is_immutable BEFORE UPDATE OR DELETE ON hierarchy_release
    FOR EACH ROW EXECUTE FUNCTION hierarchy_guard_release();

CREATE FUNCTION hierarchy_guard_release_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM hierarchy_release
        WHERE state = 'PUBLISHED'
          AND id IN (CASE TG_OP WHEN 'INSERT' THEN NEW.release_id ELSE OLD.release_id END,
                     CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END)
    ) THEN
        RAISE EXCEPTION 'the files of a published release do not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'release_file_is_immutable';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER release_file_is_immutable BEFORE INSERT OR UPDATE OR DELETE ON hierarchy_releasefile
    FOR EACH ROW EXECUTE FUNCTION hierarchy_guard_release_file();
"""

LABEL_IS_HISTORY = """
CREATE FUNCTION hierarchy_guard_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (to_jsonb(NEW) - 'superseded_at' - 'by_id') = (to_jsonb(OLD) - 'superseded_at' - 'by_id')
       AND (OLD.superseded_at IS NULL OR NEW.superseded_at = OLD.superseded_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a label is superseded, never changed' USING ERRCODE = 'check_violation', CONSTRAINT = 'label_is_history';
END $$;
CREATE TRIGGER label_is_history BEFORE UPDATE OR DELETE ON hierarchy_label
    FOR EACH ROW EXECUTE FUNCTION hierarchy_guard_label();
"""

DROP = """
DROP TRIGGER label_is_history ON hierarchy_label;
DROP FUNCTION hierarchy_guard_label();
DROP TRIGGER release_file_is_immutable ON hierarchy_releasefile;
DROP FUNCTION hierarchy_guard_release_file();
DROP TRIGGER release_is_immutable ON hierarchy_release;
DROP FUNCTION hierarchy_guard_release();
"""


class Migration(migrations.Migration):
    """Published releases and past labels do not change, whoever asks the database."""

    dependencies = [("hierarchy", "0001_initial")]

    operations = [migrations.RunSQL(RELEASE_IS_IMMUTABLE + LABEL_IS_HISTORY, DROP)]
