"""Who reads what in which language."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import translation

from config.admission.gate import TOO_LONG
from config.admission.line import Kind
from config.admission.refusal import refuse, turn_away
from config.reading import BASE_DIR
from tests import builders

pytestmark = pytest.mark.django_db
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
LANGUAGE = "/language/"


def read(client, path="/", **headers):
    return client.get(path, headers=headers).content.decode()


def test_the_browser_says_which_language_is_read(client):
    german, english = client.get("/", headers=GERMAN), client.get("/", headers={"Accept-Language": "fr"})

    assert '<html lang="de" dir="ltr">' in " ".join(german.content.decode().split())
    assert "Zeigt dieses Bild, was sein Label sagt?" in german.content.decode()
    assert "Does this picture show what its label says?" in english.content.decode()
    assert (german["Content-Language"], english["Content-Language"]) == ("de", "en")


def test_who_keeps_pages_must_keep_them_by_language(client):
    varied = {name.strip() for name in client.get("/hierarchy/")["Vary"].split(",")}

    assert varied >= {"Accept-Language", "Cookie"}


def test_a_choice_outweighs_the_browser_and_leads_back(client):
    chosen = client.post(LANGUAGE, {"language": "de", "next": "/hierarchy/?open=n02084071"})

    assert (chosen.status_code, chosen["Location"]) == (303, "/hierarchy/?open=n02084071")
    assert "Freigaben" in read(client)
    client.post(LANGUAGE, {"language": "en"}, headers=GERMAN)
    assert "Releases" in read(client, **GERMAN)


@pytest.mark.parametrize("next_page", ["https://example.org/", "//example.org/", "javascript:alert(1)", ""])
def test_a_choice_leads_to_no_other_site(client, next_page):
    assert client.post(LANGUAGE, {"language": "de", "next": next_page})["Location"] == "/"


@pytest.mark.parametrize("language", ["", "xx", "DE ", "de\0"])
def test_a_language_that_is_not_there_is_refused_with_those_that_are(client, language):
    refused = client.post(LANGUAGE, {"language": language})

    assert refused.status_code == 400
    assert 'value="de"' in refused.content.decode()
    assert not refused.cookies.get("django_language")


def test_a_choice_needs_the_token_of_a_form():
    assert Client(enforce_csrf_checks=True).post(LANGUAGE, {"language": "de"}).status_code == 403


def test_visitors_who_only_look_around_get_no_cookie(client):
    assert not client.get("/", headers=GERMAN).cookies


def test_every_page_leads_to_the_choice_and_from_it_back(client):
    page = read(client, "/hierarchy/?open=n02084071", **GERMAN)

    assert f'href="{LANGUAGE}?next=%2Fhierarchy%2F%3Fopen%3Dn02084071"' in page
    assert 'name="next" value="/hierarchy/?open=n02084071"' in read(
        client, f"{LANGUAGE}?next=%2Fhierarchy%2F%3Fopen%3Dn02084071"
    )


def test_members_find_the_choice_in_their_account(client):
    client.force_login(builders.make_user("ann"))

    assert f'action="{LANGUAGE}"' in read(client, reverse("annotation:account"))


def test_programs_are_answered_in_english_with_one_tag_for_all(client):
    client.force_login(builders.make_user("ann"))

    german, english = (client.get("/api/v1/me/", headers=headers) for headers in (GERMAN, {}))
    assert german.content == english.content
    assert german["ETag"] == english["ETag"]
    assert "Accept-Language" not in german["Vary"]
    assert Client().get("/api/v1/me/", headers=GERMAN).json()["detail"].startswith("Authentication credentials")


def test_the_admin_is_in_english(client):
    client.force_login(builders.make_user("op", "operator"))

    assert "Site administration" in read(client, "/admin/", **GERMAN)


def test_what_is_wrong_in_a_form_is_said_in_the_readers_language(client):
    User.objects.create_user("ann")
    typed = {"username": "ann", "password": "Tr0mbone-x", "password_again": "Tr0mbone-x", "email": "no"}

    first = client.post("/accounts/signup/", typed, headers=GERMAN).content.decode()
    second = client.post("/accounts/signup/", {**typed, "email": ""}, headers=GERMAN).content.decode()

    assert "gültige E-Mail-Adresse" in first
    assert "Benutzername ist schon vergeben" in second


def test_refusals_are_in_the_readers_language(client):
    client.force_login(builders.make_user("ann"))

    assert "Das steht Ihnen nicht offen" in read(client, "/disputes/", **GERMAN)
    assert "Hier ist nichts" in read(client, "/no/such/page/", **GERMAN)
    unsure = Client(enforce_csrf_checks=True).post("/accounts/login/", headers=GERMAN)
    assert "Bitte senden Sie das noch einmal" in unsure.content.decode()


@pytest.mark.parametrize(
    ("asked", "language", "words"),
    [
        ({"HTTP_ACCEPT_LANGUAGE": "de"}, "de", "Zu viel auf einmal"),
        ({"HTTP_COOKIE": "django_language=de", "HTTP_ACCEPT_LANGUAGE": "en"}, "de", "Zu viel auf einmal"),
        ({"HTTP_COOKIE": "a=b; django_language=xx"}, "en", "Too much at once"),
    ],
)
def test_who_cannot_be_served_is_told_so_in_their_language(asked, language, words):
    refusal = refuse(Kind.BROWSING, {"PATH_INFO": "/", "REQUEST_METHOD": "GET", **asked}, b"")

    assert words in refusal.content.decode()
    assert f'lang="{language}"' in refusal.content.decode()
    assert dict(refusal.headers)["Content-Language"] == language


def test_what_is_too_long_is_refused_in_the_readers_language_and_to_programs_in_english():
    page, program = (
        turn_away(413, TOO_LONG, {"PATH_INFO": path, "HTTP_ACCEPT_LANGUAGE": "de"}).content.decode()
        for path in ("/annotate/", "/api/v1/batches/")
    )

    assert "länger als alles" in page
    assert "longer than anything" in program


def test_mail_is_in_the_language_of_whoever_asks_for_it(client):
    User.objects.create_user("ann", email="ann@example.org", password="x")

    client.post("/accounts/reset/", {"email": "ann@example.org"}, headers=GERMAN)

    assert mail.outbox[0].subject == "Ein neues Passwort für Veriset"
    assert mail.outbox[0].body.startswith("Guten Tag, ann,\n\njemand, wahrscheinlich Sie selbst")


def test_numbers_and_days_are_written_as_the_language_writes_them(client):
    campaign = builders.make_question().campaign
    client.force_login(builders.make_user("cora", "curator"))

    page = read(client, f"/campaigns/{campaign.name}/", **GERMAN)

    assert "0,05" in page


def test_a_web_process_compiles_what_is_not_compiled():
    catalogue = BASE_DIR / "locale" / "de" / "LC_MESSAGES" / "django.po"
    os.utime(catalogue)
    environment = {**os.environ, "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "config.settings"}

    subprocess.run([sys.executable, "-c", "import config.wsgi"], check=True, cwd=BASE_DIR, env=environment)

    assert catalogue.with_suffix(".mo").stat().st_mtime_ns == catalogue.stat().st_mtime_ns


def test_numbers_of_many_digits_are_grouped_as_the_language_does():
    template = Template("{{ number|intcomma }}")
    written = []
    for language in ("en", "de"):
        with translation.override(language):
            written.append(template.render(Context({"number": 14_197_122})))

    assert written == ["14,197,122", "14.197.122"]
