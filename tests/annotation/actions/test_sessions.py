"""Sessions that are over go."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from annotation import tasks


@pytest.mark.django_db
def test_sessions_whose_time_is_over_are_removed_and_others_stay():
    for name, hours in (("over", -1), ("lasting", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=now() + timedelta(hours=hours))

    tasks.clear_sessions()

    assert list(Session.objects.values_list("session_key", flat=True)) == ["lasting"]
