import re
from urllib.parse import urlencode

import pytest

from config.admission.line import Kind
from config.admission.refusal import RETRY_SECONDS, refuse

FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "REQUEST_METHOD": "POST"}
SUBMIT = "/annotate/0190a0a0-0000-7000-8000-000000000000/submit/"


def refuse_form(fields, **changed):
    asked = {**FORM, "PATH_INFO": SUBMIT, **changed}
    refusal = refuse(Kind.VOTE, asked, urlencode(fields).encode())
    return refusal.content.decode()


def read_inputs(page):
    return dict(re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page))


def test_a_page_of_answers_comes_back_to_be_sent_again_with_the_same_key():
    page = refuse_form({"key": "abc", "answer-1": "YES", "answer-2": ""})

    assert read_inputs(page) == {"key": "abc", "answer-1": "YES", "answer-2": ""}
    assert "Nothing was lost" in page


def test_what_comes_back_is_text_and_no_markup():
    page = refuse_form({"key": '"><script>alert(1)</script>'})

    assert "<script>" not in page
    assert read_inputs(page)["key"].startswith("&quot;&gt;&lt;script")


@pytest.mark.parametrize(
    "changed",
    [
        {"HTTP_X_REQUESTED_WITH": "fetch"},
        {"CONTENT_TYPE": "multipart/form-data; boundary=x"},
        {"REQUEST_METHOD": "GET"},
    ],
)
def test_nothing_comes_back_to_a_script_nor_from_what_is_no_form(changed):
    assert read_inputs(refuse_form({"key": "abc"}, **changed)) == {}


def test_no_password_comes_back():
    asked = {**FORM, "PATH_INFO": "/accounts/login/"}

    content = refuse(Kind.BROWSING, asked, b"username=ann&password=secret").content.decode()

    assert "secret" not in content


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join(b"a=1" for _ in range(2000))])
def test_a_form_that_cannot_be_read_gets_the_plain_page(body):
    content = refuse(Kind.VOTE, {**FORM, "PATH_INFO": SUBMIT}, body).content.decode()

    assert read_inputs(content) == {}


def test_votes_may_come_back_first():
    earliest = [RETRY_SECONDS[kind] for kind in Kind]

    assert earliest == sorted(earliest)
    assert all(first < last for first, last in earliest)


def test_a_page_for_people_has_the_headers_of_every_other_page(client, db):
    page = client.get("/accounts/login/")
    refused = dict(refuse(Kind.BROWSING, {"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, b"").headers)

    for name in ("Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options"):
        assert refused[name] == page[name]
