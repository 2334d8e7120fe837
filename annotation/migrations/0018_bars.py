import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

# Each bar that stands becomes a row. `barred_at` follows the rows; the other columns stay for the earlier version, which reads
# them while this one is put in place, and a later migration takes them away.
BARS_FROM_COLUMNS = """
ALTER TABLE annotation_annotator ALTER COLUMN barred_reason SET DEFAULT '';
INSERT INTO annotation_bar (annotator_id, code, reason, by_id, by_engine, begun_at)
SELECT id, CASE WHEN barred_on_gold THEN 'GUESSES' ELSE 'OTHER' END, left(barred_reason, 2000), barred_by_id, barred_on_gold, barred_at
FROM annotation_annotator WHERE barred_at IS NOT NULL ORDER BY barred_at, id;
UPDATE annotation_annotator SET barred_by_id = NULL WHERE barred_by_id IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""
COLUMNS_FROM_BARS = """
ALTER TABLE annotation_annotator ALTER COLUMN barred_reason DROP DEFAULT;
UPDATE annotation_annotator AS annotator
SET barred_by_id = bar.by_id, barred_on_gold = bar.by_engine, barred_reason = bar.reason
FROM annotation_bar AS bar WHERE bar.annotator_id = annotator.id AND bar.ended_at IS NULL;
UPDATE annotation_annotator SET barred_on_gold = false, barred_reason = '' WHERE barred_at IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""

# Fields that say who did something are emptied with the account.
GUARD = """
CREATE FUNCTION annotation_mark_barred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE annotation_annotator SET barred_at = (
        SELECT begun_at FROM annotation_bar WHERE annotator_id = NEW.annotator_id AND ended_at IS NULL
    ) WHERE id = NEW.annotator_id;
    RETURN NULL;
END $$;
CREATE TRIGGER bar_marks_its_annotator AFTER INSERT OR UPDATE OF ended_at ON annotation_bar
    FOR EACH ROW EXECUTE FUNCTION annotation_mark_barred();

CREATE FUNCTION annotation_guard_barred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.barred_at IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.barred_at IS DISTINCT FROM (
        SELECT begun_at FROM annotation_bar WHERE annotator_id = NEW.id AND ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'an annotator is barred by a bar' USING ERRCODE = 'check_violation', CONSTRAINT = 'annotator_barred_by_bar';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER annotator_barred_by_bar BEFORE INSERT OR UPDATE OF barred_at ON annotation_annotator
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_barred();

CREATE FUNCTION annotation_guard_bar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (to_jsonb(NEW) - '{by_id,ended_at,ended_by_id}'::text[]) = (to_jsonb(OLD) - '{by_id,ended_at,ended_by_id}'::text[])
       AND (NEW.by_id IS NULL OR NEW.by_id = OLD.by_id)
       AND (OLD.ended_at IS NULL OR NEW.ended_at IS NOT DISTINCT FROM OLD.ended_at
            AND (NEW.ended_by_id IS NULL OR NEW.ended_by_id = OLD.ended_by_id)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a bar is ended, never changed' USING ERRCODE = 'check_violation', CONSTRAINT = 'bar_is_history';
END $$;
CREATE TRIGGER bar_is_history BEFORE UPDATE OR DELETE ON annotation_bar
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_bar();

CREATE FUNCTION annotation_guard_appeal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (to_jsonb(NEW) - '{answered_at,answered_by_id,lifted,answer}'::text[])
         = (to_jsonb(OLD) - '{answered_at,answered_by_id,lifted,answer}'::text[])
       AND (OLD.answered_at IS NULL OR (to_jsonb(NEW) - 'answered_by_id') = (to_jsonb(OLD) - 'answered_by_id')
            AND (NEW.answered_by_id IS NULL OR NEW.answered_by_id = OLD.answered_by_id)) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM annotation_bar AS bar JOIN annotation_annotator AS annotator ON annotator.id = bar.annotator_id
        WHERE bar.id = OLD.bar_id AND annotator.user_id IS NULL
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'an appeal is answered, never changed' USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_is_history';
END $$;
CREATE TRIGGER appeal_is_history BEFORE UPDATE OR DELETE ON annotation_appeal
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_appeal();

CREATE FUNCTION annotation_guard_new_appeal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bar_ended timestamptz;
BEGIN
    SELECT ended_at INTO bar_ended FROM annotation_bar WHERE id = NEW.bar_id FOR NO KEY UPDATE;
    IF bar_ended IS NOT NULL THEN
        RAISE EXCEPTION 'the bar has ended' USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_of_open_bar';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_of_open_bar BEFORE INSERT ON annotation_appeal
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_new_appeal();
"""
NO_GUARD = """
DROP TRIGGER appeal_of_open_bar ON annotation_appeal;
DROP FUNCTION annotation_guard_new_appeal();
DROP TRIGGER appeal_is_history ON annotation_appeal;
DROP FUNCTION annotation_guard_appeal();
DROP TRIGGER bar_is_history ON annotation_bar;
DROP FUNCTION annotation_guard_bar();
DROP TRIGGER annotator_barred_by_bar ON annotation_annotator;
DROP FUNCTION annotation_guard_barred();
DROP TRIGGER bar_marks_its_annotator ON annotation_bar;
DROP FUNCTION annotation_mark_barred();
"""


class Migration(migrations.Migration):
    """Bars are rows with a beginning and an end, and barred people may appeal."""

    dependencies = [
        ("annotation", "0017_notes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Appeal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                ("made_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("lifted", models.BooleanField(blank=True, null=True)),
                ("answer", models.TextField(blank=True, help_text="the person reads it")),
            ],
        ),
        migrations.CreateModel(
            name="Bar",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        choices=[
                            ("GUESSES", "answers no better than guesses"),
                            ("SEVERAL_ACCOUNTS", "one person with several accounts"),
                            ("CONDUCT", "against the rules"),
                            ("OTHER", "another reason"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(help_text="in words; the annotator reads it")),
                ("by_engine", models.BooleanField(default=False)),
                ("begun_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="appeal",
            name="answered_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="bar",
            name="annotator",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bars",
                to="annotation.annotator",
            ),
        ),
        migrations.AddField(
            model_name="bar",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="bar",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="appeal",
            name="bar",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="annotation.bar"
            ),
        ),
        migrations.AddIndex(
            model_name="bar",
            index=models.Index(fields=["annotator", "id"], name="bar_of_annotator"),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("annotator",), name="bar_one_open_per_annotator"
            ),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__in", ["GUESSES", "SEVERAL_ACCOUNTS", "CONDUCT", "OTHER"])),
                name="bar_code_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    "char_length(reason) BETWEEN 1 AND 2000", (), output_field=models.BooleanField()
                ),
                name="bar_reason_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.CheckConstraint(
                condition=models.Q(("by_engine", False), ("by", None), _connector="OR"), name="bar_by_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_by", None)),
                    models.Q(("ended_at__gte", models.F("begun_at")), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="bar_ended_is_whole",
            ),
        ),
        migrations.AddIndex(
            model_name="appeal",
            index=models.Index(fields=["bar", "id"], name="appeal_of_bar"),
        ),
        migrations.AddIndex(
            model_name="appeal",
            index=models.Index(condition=models.Q(("answered_at__isnull", True)), fields=["id"], name="appeal_open"),
        ),
        migrations.AddConstraint(
            model_name="appeal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("answered_at__isnull", True)), fields=("bar",), name="appeal_one_open_per_bar"
            ),
        ),
        migrations.AddConstraint(
            model_name="appeal",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    "char_length(text) BETWEEN 1 AND 2000", (), output_field=models.BooleanField()
                ),
                name="appeal_text_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="appeal",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    "char_length(answer) BETWEEN 0 AND 2000", (), output_field=models.BooleanField()
                ),
                name="appeal_answer_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="appeal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None), ("answered_by", None), ("lifted", None)),
                    models.Q(
                        ("answered_at__gte", models.F("made_at")),
                        ("answered_at__isnull", False),
                        ("lifted__isnull", False),
                        models.Q(("lifted", True), models.Q(("answer", ""), _negated=True), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="appeal_answered_is_whole",
            ),
        ),
        # Checks of it would stand in the way of what the next statement does.
        migrations.RemoveConstraint(model_name="annotator", name="annotator_barred_with_reason"),
        migrations.RunSQL(BARS_FROM_COLUMNS, COLUMNS_FROM_BARS),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(
                    model_name="annotator",
                    name="barred_by",
                ),
                migrations.RemoveField(
                    model_name="annotator",
                    name="barred_on_gold",
                ),
                migrations.RemoveField(
                    model_name="annotator",
                    name="barred_reason",
                ),
            ]
        ),
    ]
