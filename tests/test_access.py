"""Every address by every kind of visitor, as config.access.ROUTES says; what the table does not name is refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse
from django.utils.timezone import now
from rest_framework.response import Response
from rest_framework.views import APIView

import config.urls
from annotation.actions import accounts
from config.access import ROUTES, Access
from hierarchy.rules import Role
from tests.builders import make_token, make_user

BACKEND = "django.contrib.auth.backends.ModelBackend"
ADMIN = "admin"
EXAMPLES = {"int": 999_999, "uuid": "00000000-0000-4000-8000-000000000000", "slug": "nothing", "str": "n99999999"}
PAGE_METHODS = ("GET", "POST")
API_METHODS = ("GET", "POST", "DELETE")


def show_unlisted(request):
    return HttpResponse("open")


class UnlistedView(APIView):
    def get(self, request):
        return Response("open")


urlpatterns = [
    *config.urls.urlpatterns,
    path("unlisted/", show_unlisted, name="unlisted"),
    path("api/v1/unlisted/", UnlistedView.as_view(), name="unlisted-api"),
]
handler403 = config.urls.handler403


@dataclass(frozen=True)
class Address:
    name: str
    path: str

    @property
    def access(self) -> Access:
        return ROUTES[self.name]


def walk(patterns, namespace="") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern with its full name, without those inside Django's admin."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            if pattern.namespace != ADMIN:
                yield from walk(pattern.url_patterns, inner)
        else:
            yield f"{namespace}{pattern.name}", pattern


def list_addresses(*, api: bool) -> list[Address]:
    """One address for each row of the table, with made-up ids of things that are not there."""
    found = []
    for name, pattern in walk(get_resolver("config.urls").url_patterns):
        if ROUTES[name].api == api:
            kwargs = {
                argument: EXAMPLES[type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")]
                for argument, converter in pattern.pattern.converters.items()
            }
            found.append(Address(name, reverse(name, kwargs=kwargs)))
    # Last, so that one session serves all the others.
    return sorted(found, key=lambda address: address.name == "logout")


def is_refused(response) -> bool:
    to_login = response.status_code == 302 and response["Location"].startswith(resolve_url(settings.LOGIN_URL))
    return to_login or response.status_code in (401, 403)


def find_mistakes(addresses, methods, client: Client, permits: Callable[[Access, str], bool]):
    """What was answered otherwise than the table says, as (name, method, status)."""
    mistakes = []
    for address in addresses:
        for method in methods:
            response = client.generic(method, address.path, "{}", content_type="application/json")
            # Files that it holds; response.close() would end the connection to the database too.
            for close in vars(response)["_resource_closers"]:
                close()
            if permits(address.access, method):
                right = not is_refused(response) and response.status_code != 500
            else:
                right = is_refused(response) or (response.status_code == 405 and not serves(address.access, method))
            if not right:
                mistakes.append((address.name, method, response.status_code))
    return mistakes


def serves(access: Access, method: str) -> bool:
    return bool(access.read if method == "GET" else access.write)


def sign_in(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend=BACKEND)
    return client


def make_visitor(role: Role) -> User | None:
    return None if role == Role.ANONYMOUS else make_user(f"the-{role}", role)


@pytest.fixture
def curator(db):
    return make_user("cur", "curator")


def test_every_address_is_in_the_table():
    names = {name for name, _ in walk(get_resolver("config.urls").url_patterns)}

    assert names - set(ROUTES) == set()


def test_every_row_of_the_table_has_an_address():
    names = {name for name, _ in walk(get_resolver("config.urls").url_patterns)}

    assert set(ROUTES) - names == set()


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("api", "methods"), [(False, PAGE_METHODS), (True, API_METHODS)])
def test_a_role_may_do_what_the_table_says_and_nothing_else(role, api, methods):
    visitor = make_visitor(role)

    mistakes = find_mistakes(
        list_addresses(api=api), methods, sign_in(visitor), lambda access, method: access.permits(role, method)
    )

    assert mistakes == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "scope"),
    [
        (Role.ANNOTATOR, "read"),
        (Role.ANNOTATOR, "annotate"),
        (Role.CURATOR, "read"),
        (Role.CURATOR, "annotate"),
        (Role.CURATOR, "curate"),
        (Role.OPERATOR, "curate"),
    ],
)
def test_a_token_may_do_what_its_role_and_its_scope_allow(role, scope):
    key = make_token(make_user("ann", role), scope)

    mistakes = find_mistakes(
        list_addresses(api=True),
        API_METHODS,
        Client(headers={"Authorization": f"Token {key}"}, raise_request_exception=False),
        lambda access, method: access.permits(role, method) and access.permits_scope(scope, method),
    )

    assert mistakes == []


@pytest.mark.parametrize("closed", ["revoked", "inactive", "invented"])
def test_a_dead_token_opens_nothing_not_even_what_needs_none(curator, closed):
    key = make_token(curator, "curate")
    if closed == "revoked":
        accounts.revoke_token(token_id=curator.api_tokens.get().pk, by=curator, at=now())
    if closed == "inactive":
        User.objects.update(is_active=False)
    header = {"Authorization": f"Token {key if closed != 'invented' else 'A' * 43}"}

    mistakes = find_mistakes(
        list_addresses(api=True), API_METHODS, Client(headers=header), lambda access, method: False
    )

    assert mistakes == []


def test_a_token_is_nobody_on_pages(curator):
    client = Client(headers={"Authorization": f"Token {make_token(curator, 'curate')}"})

    assert is_refused(client.get(reverse("annotation:disputes")))


@pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.ANNOTATOR, Role.CURATOR])
@pytest.mark.django_db
def test_only_operators_reach_the_admin(role):
    assert is_refused(sign_in(make_visitor(role)).get("/admin/"))


@pytest.mark.django_db
def test_an_operator_reaches_the_admin():
    assert sign_in(make_visitor(Role.OPERATOR)).get("/admin/").status_code == 200


def test_a_demoted_curator_loses_the_desk_at_once(curator):
    session = sign_in(curator)
    tokens = {
        scope: Client(headers={"Authorization": f"Token {make_token(curator, scope)}"}) for scope in ("read", "curate")
    }
    desk = reverse("api:dispute-list")
    assert [client.get(desk).status_code for client in (session, *tokens.values())] == [200, 200, 200]

    accounts.set_role(username=curator.username, role="annotator", by=None, at=now())

    assert [client.get(desk).status_code for client in (session, *tokens.values())] == [403, 403, 401]
    assert session.get(reverse("annotation:disputes")).status_code == 403


def test_a_closed_account_is_signed_out_at_once(curator):
    session = sign_in(curator)

    User.objects.filter(pk=curator.pk).update(is_active=False)

    assert is_refused(session.get(reverse("annotation:disputes")))
    assert session.get(reverse("api:me")).status_code == 401


@pytest.mark.django_db
def test_an_account_without_a_role_is_a_visitor():
    stranger = User.objects.create_user("stranger")

    mistakes = find_mistakes(
        list_addresses(api=True),
        API_METHODS,
        sign_in(stranger),
        lambda access, method: access.permits(Role.ANONYMOUS, method),
    )

    assert mistakes == []


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/unlisted/", "/api/v1/unlisted/"])
@pytest.mark.django_db
def test_an_address_that_the_table_does_not_name_is_refused_to_everybody(address):
    operator = make_user("op", "operator")

    assert sign_in(None).get(address).status_code in (401, 403)
    assert sign_in(operator).get(address).status_code == 403
