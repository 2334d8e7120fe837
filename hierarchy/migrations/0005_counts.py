import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

# A statement adds its own rows, so that nobody waits for a count that somebody else is changing. TRUNCATE takes away whatever is left.
COUNT = """
CREATE FUNCTION hierarchy_count_candidates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, -sum(images), 0, 0 FROM hierarchy_countchange GROUP BY synset_id HAVING sum(images) <> 0;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, count(*), 0, 0 FROM added GROUP BY synset_id;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, -count(*), 0, 0 FROM removed GROUP BY synset_id;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION hierarchy_count_labels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, 0, -sum(accepted), -sum(rejected) FROM hierarchy_countchange GROUP BY synset_id
        HAVING sum(accepted) <> 0 OR sum(rejected) <> 0;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, 0, count(*) FILTER (WHERE verdict = 'ACCEPTED'), count(*) FILTER (WHERE verdict = 'REJECTED')
        FROM added WHERE superseded_at IS NULL GROUP BY synset_id;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
        SELECT synset_id, 0, -count(*) FILTER (WHERE verdict = 'ACCEPTED'), -count(*) FILTER (WHERE verdict = 'REJECTED')
        FROM removed WHERE superseded_at IS NULL GROUP BY synset_id;
    END IF;
    RETURN NULL;
END $$;
"""
LISTEN = """
CREATE TRIGGER {what}s_are_counted AFTER INSERT ON hierarchy_{what} REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION hierarchy_count_{what}s();
CREATE TRIGGER changed_{what}s_are_counted AFTER UPDATE ON hierarchy_{what}
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hierarchy_count_{what}s();
CREATE TRIGGER removed_{what}s_are_counted AFTER DELETE ON hierarchy_{what} REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION hierarchy_count_{what}s();
CREATE TRIGGER all_{what}s_are_gone AFTER TRUNCATE ON hierarchy_{what}
    FOR EACH STATEMENT EXECUTE FUNCTION hierarchy_count_{what}s();
"""
FORGET = """
DROP TRIGGER {what}s_are_counted ON hierarchy_{what};
DROP TRIGGER changed_{what}s_are_counted ON hierarchy_{what};
DROP TRIGGER removed_{what}s_are_counted ON hierarchy_{what};
DROP TRIGGER all_{what}s_are_gone ON hierarchy_{what};
DROP FUNCTION hierarchy_count_{what}s();
"""

FILL = """
SET LOCAL statement_timeout = 0;
INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
SELECT synset_id, sum(images), sum(accepted), sum(rejected)
FROM (SELECT synset_id, count(*) AS images, 0 AS accepted, 0 AS rejected FROM hierarchy_candidate GROUP BY synset_id
      UNION ALL
      SELECT synset_id, 0, count(*) FILTER (WHERE verdict = 'ACCEPTED'), count(*) FILTER (WHERE verdict = 'REJECTED')
      FROM hierarchy_label WHERE superseded_at IS NULL GROUP BY synset_id) AS found
GROUP BY synset_id;

INSERT INTO hierarchy_releasecount (release_id, synset_id, accepted, rejected)
SELECT release.id, label.synset_id,
       count(*) FILTER (WHERE label.verdict = 'ACCEPTED'), count(*) FILTER (WHERE label.verdict = 'REJECTED')
FROM hierarchy_release AS release JOIN hierarchy_label AS label ON label.at <= release.frozen_at
    AND (label.superseded_at IS NULL OR label.superseded_at > release.frozen_at)
WHERE release.state = 'PUBLISHED' GROUP BY release.id, label.synset_id;
"""

# What a published release was made of does not change, whoever asks the database; the guard of its files does for its counts.
GUARD = """
CREATE OR REPLACE FUNCTION hierarchy_guard_release_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM hierarchy_release
        WHERE state = 'PUBLISHED'
          AND id IN (CASE TG_OP WHEN 'INSERT' THEN NEW.release_id ELSE OLD.release_id END,
                     CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END)
    ) THEN
        RAISE EXCEPTION 'what belongs to a published release does not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER release_count_is_immutable BEFORE INSERT OR UPDATE OR DELETE ON hierarchy_releasecount
    FOR EACH ROW EXECUTE FUNCTION hierarchy_guard_release_file();
"""
NO_GUARD = "DROP TRIGGER release_count_is_immutable ON hierarchy_releasecount"


def make_key():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    """How many candidates and labels a synset has, kept while they are written instead of counted for each page."""

    dependencies = [("hierarchy", "0004_label_synset")]

    operations = [
        migrations.CreateModel(
            name="CountChange",
            fields=[
                make_key(),
                ("images", models.IntegerField()),
                ("accepted", models.IntegerField()),
                ("rejected", models.IntegerField()),
                (
                    "synset",
                    models.ForeignKey(
                        to="hierarchy.synset",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        db_constraint=False,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReleaseCount",
            fields=[
                make_key(),
                ("accepted", models.IntegerField()),
                ("rejected", models.IntegerField()),
                (
                    "release",
                    models.ForeignKey(
                        to="hierarchy.release",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counts",
                        db_index=False,
                    ),
                ),
                (
                    "synset",
                    models.ForeignKey(
                        to="hierarchy.synset",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["release", "synset"], name="release_count_once"),
                    models.CheckConstraint(
                        condition=Q(accepted__gte=0, rejected__gte=0), name="release_count_not_negative"
                    ),
                ]
            },
        ),
        migrations.RunSQL(
            COUNT + LISTEN.format(what="candidate") + LISTEN.format(what="label"),
            FORGET.format(what="label") + FORGET.format(what="candidate"),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
