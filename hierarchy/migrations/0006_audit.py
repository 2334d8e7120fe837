import django.db.models.expressions
from django.db import migrations, models

# Once the lock is held, the statement after it sees what its last holder has committed. Where a transaction sees an older
# state, as under REPEATABLE READ, the number is taken, and it is refused. It runs as its owner: so it finds nothing but what
# the system has, and this one table, whatever its caller has put in the way.
APPEND = """
DO $make$ BEGIN EXECUTE format($function$
    CREATE FUNCTION %1$I.hierarchy_append_audit_entry(by_actor bigint, what text, whom text, details jsonb)
    RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
        last %1$I.hierarchy_auditentry;
        following bigint;
        moment timestamptz;
        before bytea;
        content text;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('hierarchy.audit', 0));
        SELECT * INTO last FROM %1$I.hierarchy_auditentry ORDER BY number DESC LIMIT 1;
        following := coalesce(last.number, 0) + 1;
        moment := clock_timestamp();
        before := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
        content := concat_ws(chr(10), following, to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                             coalesce(by_actor::text, ''), what, whom, details::text);
        INSERT INTO %1$I.hierarchy_auditentry (number, at, actor, action, subject, detail, previous_hash, hash)
        VALUES (following, moment, by_actor, what, whom, details, before, sha256(before || convert_to(content, 'UTF8')));
        RETURN following;
    END $body$
$function$, current_schema()); END $make$;
REVOKE ALL ON FUNCTION hierarchy_append_audit_entry FROM PUBLIC;
"""
NO_APPEND = "DROP FUNCTION hierarchy_append_audit_entry"

GUARD = """
CREATE FUNCTION hierarchy_guard_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit log are added, never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_entry_is_final';
END $$;
CREATE TRIGGER audit_entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON hierarchy_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION hierarchy_guard_audit_entry();
"""
NO_GUARD = """
DROP TRIGGER audit_entry_is_final ON hierarchy_auditentry;
DROP FUNCTION hierarchy_guard_audit_entry();
"""

# Default privileges gave the role of the service, whatever its name, all rights on rows.
RIGHTS = """
DO $$
DECLARE
    role text;
BEGIN
    REVOKE ALL ON hierarchy_auditentry FROM PUBLIC;
    FOR role IN
        SELECT DISTINCT pg_get_userbyid(granted.grantee)
        FROM pg_class, aclexplode(pg_class.relacl) AS granted
        WHERE pg_class.oid = 'hierarchy_auditentry'::regclass AND granted.grantee NOT IN (0, pg_class.relowner)
    LOOP
        EXECUTE format('REVOKE ALL ON hierarchy_auditentry FROM %I', role);
        EXECUTE format('GRANT SELECT ON hierarchy_auditentry TO %I', role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION hierarchy_append_audit_entry TO %I', role);
    END LOOP;
END $$;
"""


ACTIONS = [
    ("CREATE_ACCOUNT", "account made"),
    ("DELETE_ACCOUNT", "account deleted"),
    ("CHANGE_RIGHTS", "roles or rights changed"),
    ("CHANGE_PASSWORD", "password changed"),
    ("LOG_IN", "logged in"),
    ("LOCK_OUT", "locked out"),
    ("CREATE_TOKEN", "token made"),
    ("REVOKE_TOKEN", "token revoked"),
    ("BAR_ANNOTATOR", "annotator barred"),
    ("UNBAR_ANNOTATOR", "annotator no longer barred"),
    ("OPEN_CAMPAIGN", "campaign opened"),
    ("PAUSE_CAMPAIGN", "campaign paused"),
    ("CLOSE_CAMPAIGN", "campaign closed"),
    ("CHANGE_POLICY", "policy changed"),
    ("MAKE_GOLD", "gold made"),
    ("RETIRE_GOLD", "gold retired"),
    ("SETTLE_DISPUTE", "dispute settled"),
    ("SET_SAFETY", "safety of a synset changed"),
    ("PUBLISH_RELEASE", "release published"),
    ("TAKE_DOWN_IMAGE", "image taken down"),
]


class Migration(migrations.Migration):
    """The audit log: rows that are added by one function and changed by nobody."""

    dependencies = [("hierarchy", "0005_counts")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                (
                    "actor",
                    models.BigIntegerField(
                        help_text="id of the account; none for the system and the command line", null=True
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=ACTIONS,
                        max_length=20,
                    ),
                ),
                ("subject", models.CharField(help_text="what it was done to, for example dispute:5", max_length=200)),
                ("detail", models.JSONField()),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [models.Index(fields=["action", "number"], name="audit_entry_of_action")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="audit_entry_number_positive"),
                    models.CheckConstraint(
                        condition=models.Q(action__in=[name for name, _ in ACTIONS]),
                        name="audit_entry_action_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("subject__regex", "^[!-~]+$")), name="audit_entry_subject_is_a_word"
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "jsonb_typeof(detail) = 'object' AND octet_length(detail::text) <= 4000",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="audit_entry_detail_is_small",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "octet_length(previous_hash) = 32 AND octet_length(hash) = 32",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="audit_entry_hash_lengths",
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND, NO_APPEND),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
