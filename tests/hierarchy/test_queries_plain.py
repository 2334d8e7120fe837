"""Statements that the server plans once for each connection."""

import pytest
from django.db import connection

from annotation.models import Campaign, Policy
from hierarchy.queries.plain import build_models, execute_planned, name_columns, write_array
from tests import builders

pytestmark = pytest.mark.django_db
SUM = "SELECT %(left)s::int + %(right)s::int + %(left)s::int, '100%%'"


def ask(**values):
    with connection.cursor() as cursor:
        execute_planned(cursor, SUM, values)
        return cursor.fetchone()


@pytest.mark.parametrize("prepared", [True, False])
def test_a_statement_gets_its_values_by_name(settings, prepared):
    settings.PREPARED_STATEMENTS = prepared

    assert [ask(left=1, right=5), ask(right=1, left=10)] == [(7, "100%"), (21, "100%")]


def test_it_is_prepared_once_for_a_connection(settings, django_assert_num_queries):
    settings.PREPARED_STATEMENTS = True
    ask(left=1, right=2)

    with django_assert_num_queries(1):
        ask(left=3, right=4)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%100\\%%'")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_another_connection_prepares_it_anew():
    ask(left=1, right=2)
    connection.close()

    assert ask(left=1, right=2) == (4, "100%")


def test_a_row_becomes_a_model_of_each_kind_or_none_where_a_join_found_nothing():
    campaign = builders.make_question(vote_cap=7).campaign
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {name_columns(Campaign, Policy)} FROM annotation_campaign LEFT JOIN annotation_policy"
            " ON annotation_policy.campaign_id = annotation_campaign.id AND annotation_policy.vote_cap = %s",
            [7],
        )
        found, policy = build_models(cursor.fetchone(), Campaign, Policy)
        cursor.execute(
            f"SELECT {name_columns(Campaign, Policy)} FROM annotation_campaign LEFT JOIN annotation_policy ON false"
        )
        same, nothing = build_models(cursor.fetchone(), Campaign, Policy)

    assert (found, policy.vote_cap, same, nothing) == (campaign, 7, campaign, None)


@pytest.mark.parametrize(
    ("values", "kind"),
    [([3, -4], "bigint"), ([0.1, 1e-300, float("inf")], "float8"), (["OPEN", "ACCEPTED"], "text"), ([], "bigint")],
)
def test_the_text_of_an_array_is_read_as_it_was_meant(values, kind):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [write_array(values)])

        assert cursor.fetchone() == (values,)
