import django.contrib.postgres.functions
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

# Whoever makes an account, by whatever way: commands of Django's own and COPY, too.
MARK_ACCOUNTS = """
CREATE FUNCTION annotation_mark_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO annotation_accountmark (user_id) VALUES (NEW.id) ON CONFLICT (user_id) DO NOTHING;
    RETURN NEW;
END $$;
CREATE TRIGGER account_is_marked AFTER INSERT ON auth_user FOR EACH ROW EXECUTE FUNCTION annotation_mark_account();
INSERT INTO annotation_accountmark (user_id) SELECT id FROM auth_user;
SET CONSTRAINTS ALL IMMEDIATE;
"""
NO_MARKS = "DROP TRIGGER account_is_marked ON auth_user; DROP FUNCTION annotation_mark_account();"

KEEP_NUMBERS = """
CREATE FUNCTION annotation_guard_annotator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an annotator never gets another account' USING ERRCODE = 'check_violation', CONSTRAINT = 'annotator_keeps_its_account';
END $$;
CREATE TRIGGER annotator_keeps_its_account BEFORE UPDATE OF user_id ON annotation_annotator FOR EACH ROW
    WHEN (NEW.user_id IS NOT NULL AND NEW.user_id IS DISTINCT FROM OLD.user_id) EXECUTE FUNCTION annotation_guard_annotator();
"""
LOSE_NUMBERS = (
    "DROP TRIGGER annotator_keeps_its_account ON annotation_annotator; DROP FUNCTION annotation_guard_annotator();"
)

GUARD_POLICY = """
CREATE OR REPLACE FUNCTION annotation_guard_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.created_by_id IS NULL
       AND (to_jsonb(NEW) - 'created_by_id') = (to_jsonb(OLD) - 'created_by_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a policy does not change; add a version' USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_is_immutable';
END $$;
"""
GUARD_POLICY_WHOLLY = """
CREATE OR REPLACE FUNCTION annotation_guard_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy does not change; add a version' USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_is_immutable';
END $$;
"""

BARRED_ON_GOLD = """
UPDATE annotation_annotator SET barred_on_gold = true WHERE barred_at IS NOT NULL AND barred_by_id IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""


def forget_author(model, name, **more):
    field = models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        **more,
    )
    return migrations.AlterField(model_name=model, name=name, field=field)


class Migration(migrations.Migration):
    """Accounts can be deleted: annotators without one, authors that are gone, and a mark by which the ledger knows an account.

    Going back is refused where an account was deleted.
    """

    dependencies = [
        ("annotation", "0012_campaign_ranges"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountMark",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="mark",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("mark", models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID(), editable=False)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("mark",), name="account_mark_once")]},
        ),
        migrations.RunSQL(MARK_ACCOUNTS, NO_MARKS),
        migrations.AlterField(
            model_name="annotator",
            name="user",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="annotator",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunSQL(KEEP_NUMBERS, LOSE_NUMBERS),
        migrations.AddField(
            model_name="annotator",
            name="barred_on_gold",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(BARRED_ON_GOLD, migrations.RunSQL.noop),
        forget_author("annotator", "barred_by", blank=True),
        migrations.RemoveConstraint(model_name="annotator", name="annotator_barred_with_reason"),
        migrations.AddConstraint(
            model_name="annotator",
            constraint=models.CheckConstraint(
                name="annotator_barred_with_reason",
                condition=Q(barred_at=None, barred_by=None, barred_on_gold=False, barred_reason="")
                | (Q(barred_at__isnull=False) & ~Q(barred_reason="") & (Q(barred_on_gold=False) | Q(barred_by=None))),
            ),
        ),
        forget_author("campaign", "drafted_by"),
        migrations.RunSQL(GUARD_POLICY, GUARD_POLICY_WHOLLY),
        forget_author("policy", "created_by"),
        forget_author("dispute", "settled_by", blank=True),
        migrations.RemoveConstraint(model_name="dispute", name="dispute_settled_is_whole"),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                name="dispute_settled_is_whole",
                condition=Q(settled_at=None, settled_by=None, verdict="", explanation="")
                | (
                    Q(settled_at__isnull=False, settled_at__gte=F("opened_at"))
                    & Q(verdict__in=["ACCEPTED", "REJECTED"])
                    & ~Q(explanation="")
                ),
            ),
        ),
    ]
