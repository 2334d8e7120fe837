import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from annotation.actions import bars
from annotation.models import Annotator, ApiToken
from annotation.queries.accounts import find_live_token
from tests.annotation.actions.test_recorded import list_newest
from tests.annotation.pages.browser import list_messages, read_fields, sign_in
from tests.builders import PASSWORD, find_annotator, make_token, make_user

pytestmark = pytest.mark.django_db
SIGN_UP = "/accounts/signup/"


def typed(**changes):
    form = {"username": "ann", "email": "", "password": PASSWORD, "password_again": PASSWORD}
    return form | changes


def test_signing_up_makes_an_annotator_and_leads_to_the_pictures():
    response = Client().post(SIGN_UP, typed(email="ann@example.org"), follow=True)

    user = User.objects.get(username="ann")
    assert response.redirect_chain == [("/annotate/", 303)]
    assert response.context["user"] == user
    assert [group.name for group in user.groups.all()] == ["annotator"]
    assert Annotator.objects.filter(user=user).exists()
    assert user.email == "ann@example.org"


@pytest.mark.parametrize("length", [151, 256, 3000])
def test_a_name_longer_than_any_account_cannot_log_in(length):
    response = Client().post("/accounts/login/", {"username": "n" * length, "password": PASSWORD})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["username"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "no blanks"}, "username"),
        ({"username": "BOB"}, "username"),
        ({"username": "nul\0"}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password_again": "something else"}, "password_again"),
    ],
)
def test_bad_input_is_named_and_what_was_typed_is_kept(changes, field):
    make_user("bob")

    response = Client().post(SIGN_UP, typed(**changes))

    assert response.status_code == 400
    assert list(response.context["form"].errors) == [field]
    assert read_fields(response).values["username"] == changes.get("username", "ann")
    assert PASSWORD not in response.content.decode()
    assert User.objects.count() == 1


def test_signing_up_can_be_closed(settings):
    settings.SIGN_UP_OPEN = False

    response = Client().post(SIGN_UP, typed())

    assert response.status_code == 403
    assert "Sign-up is closed" in response.content.decode()
    assert not User.objects.exists()


def test_somebody_signed_in_does_not_sign_up():
    assert sign_in(make_user("ann")).get(SIGN_UP).headers["Location"] == "/annotate/"


def test_signing_in_leads_to_where_one_wanted_to_go():
    make_user("ann")

    response = Client().post("/accounts/login/?next=/account/", {"username": "ann", "password": PASSWORD})

    assert response.headers["Location"] == "/account/"


def test_a_wrong_password_is_told_without_saying_which_was_wrong():
    make_user("ann")

    response = Client().post("/accounts/login/", {"username": "ann", "password": "wrong"})

    assert response.status_code == 200
    assert len(response.context["form"].non_field_errors()) == 1


def test_ten_wrong_passwords_close_the_account_for_a_while():
    make_user("ann")
    client = Client()

    for _ in range(10):
        response = client.post("/accounts/login/", {"username": "ann", "password": "wrong"})

    assert response.status_code == 429
    assert "Too many wrong passwords" in response.content.decode()


def test_a_forgotten_password_is_replaced_over_mail():
    user = make_user("ann")
    user.email = "ann@example.org"
    user.save(update_fields=["email"])
    client = Client()

    assert "mail" in client.post("/accounts/reset/", {"email": "ann@example.org"}, follow=True).content.decode()
    link = next(word for word in mail.outbox[0].body.split() if word.startswith("http"))
    chosen = client.get(link, follow=True)
    new = {"new_password1": "another long phrase", "new_password2": "another long phrase"}
    response = client.post(chosen.request["PATH_INFO"], new, follow=True)

    assert "Your new password is saved" in response.content.decode()
    assert list_newest() == [("CHANGE_PASSWORD", f"account:{user.pk}", None, {"how": "MAIL"})]
    assert client.login(request=response.wsgi_request, username="ann", password="another long phrase")


def test_an_old_link_says_so():
    page = Client().get("/accounts/reset/MQ/abc-def/").content.decode()

    assert "used already or is too old" in page


def test_the_password_can_be_changed():
    ann = make_user("ann")
    new = {"old_password": PASSWORD, "new_password1": "another long phrase", "new_password2": "another long phrase"}

    response = sign_in(ann).post("/accounts/password/", new, follow=True)

    ann.refresh_from_db()
    assert "Your password is changed" in response.content.decode()
    assert list_newest() == [("CHANGE_PASSWORD", f"account:{ann.pk}", ann.pk, {"how": "OLD_PASSWORD"})]
    assert ann.check_password("another long phrase")


def test_a_new_token_is_shown_once():
    client = sign_in(make_user("ann"))

    shown = client.post("/account/tokens/", {"scope": "annotate"})
    later = client.get("/account/")

    key = shown.context["key"]
    assert find_live_token(key) == ApiToken.objects.get(scope="annotate")
    assert key in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert key not in later.content.decode()


@pytest.mark.parametrize(
    ("role", "scopes"), [("annotator", ["read", "annotate"]), ("curator", ["read", "annotate", "curate"])]
)
def test_scopes_on_offer_are_those_of_the_role(role, scopes):
    response = sign_in(make_user("ann", role)).get("/account/")

    assert [scope for scope, _ in response.context["form"].fields["scope"].choices] == scopes


def test_a_scope_beyond_the_role_is_refused():
    response = sign_in(make_user("ann")).post("/account/tokens/", {"scope": "curate"})

    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["scope"]
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing():
    ann = make_user("ann")
    key = make_token(ann, "read")

    response = sign_in(ann).post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/", follow=True)

    assert find_live_token(key) is None
    assert list_messages(response) == [f"The token {key[:8]}… opens nothing any more."]


def test_anothers_token_is_not_found():
    key = make_token(make_user("bob"), "read")

    response = sign_in(make_user("ann")).post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/")

    assert response.status_code == 404
    assert find_live_token(key) is not None


def test_a_barred_person_reads_the_reason():
    ann = make_user("ann")
    boss = make_user("boss", "curator")
    bars.bar_annotator(annotator_id=find_annotator(ann).pk, reason="answers at random", by=boss, at=now())

    assert "answers at random" in sign_in(ann).get("/account/").content.decode()


def test_the_number_of_queries_does_not_grow_with_tokens(django_assert_num_queries):
    ann = make_user("ann")
    for _ in range(3):
        make_token(ann, "read")
    client = sign_in(ann)

    with django_assert_num_queries(7):
        client.get("/account/")
