import pytest
from django.urls import get_resolver

from config.access import ROUTES
from config.admission.kinds import find_bounds, find_kind
from config.admission.line import Kind

# By route and method what is not browsing. A new route is browsing until somebody says here what else it is.
KINDS = {
    ("readyz", "GET"): Kind.HEALTH,
    ("annotation:submit", "POST"): Kind.VOTE,
    ("annotation:undo", "POST"): Kind.VOTE,
    ("api:batch-votes", "POST"): Kind.VOTE,
    ("api:batch-votes", "DELETE"): Kind.VOTE,
    ("annotation:annotate", "GET"): Kind.LEASE,
    ("annotation:lease", "POST"): Kind.LEASE,
    ("annotation:return", "POST"): Kind.LEASE,
    ("api:batch-list", "POST"): Kind.LEASE,
    ("api:batch-detail", "GET"): Kind.LEASE,
    ("api:batch-detail", "DELETE"): Kind.LEASE,
    ("api:me", "GET"): Kind.LEASE,
    ("api:me-appeal", "POST"): Kind.LEASE,
    ("annotation:flag", "POST"): Kind.LEASE,
    ("annotation:own-data-download", "GET"): Kind.EXPORT,
    ("hierarchy:picture", "GET"): Kind.PART,
    ("hierarchy:release-file", "GET"): Kind.EXPORT,
    ("api:release-file", "GET"): Kind.EXPORT,
    ("api:label-list", "GET"): Kind.EXPORT,
    ("api:synset-labels", "GET"): Kind.EXPORT,
    ("api:synset-images", "GET"): Kind.EXPORT,
    ("api:synset-descendants", "GET"): Kind.EXPORT,
    ("schema", "GET"): Kind.EXPORT,
}


def find_path(route):
    """The route's path with arguments of any sort."""
    *namespaces, name = route.split(":")
    resolver, prefix = get_resolver(), ""
    for namespace in namespaces:
        start, resolver = resolver.namespace_dict[namespace]
        prefix += start
    [[(pattern, parameters)], *_] = resolver.reverse_dict.getlist(name)[0]
    return f"/{prefix}{pattern}" % dict.fromkeys(parameters, "1")


@pytest.mark.parametrize(("route", "method"), KINDS)
def test_a_request_is_what_its_method_and_path_say(route, method):
    assert find_kind(method, find_path(route)) == KINDS[route, method]


@pytest.mark.parametrize("route", sorted(ROUTES.keys() - {route for route, _ in KINDS}))
def test_all_else_is_browsing(route):
    assert find_kind("GET", find_path(route)) == Kind.BROWSING


def test_styles_come_with_the_pages_they_are_of():
    assert find_kind("GET", "/static/css/base.css") == Kind.PART


@pytest.mark.parametrize(
    "path", ["/api/v1/batches/1/votes/more/", "/annotate/1/submit/x", "/readyz/", "/hierarchy/annotate/"]
)
def test_what_only_looks_like_it_is_no_vote(path):
    assert find_kind("POST", path) != Kind.VOTE


@pytest.mark.parametrize(("threads", "waiting"), [(1, 1), (2, 3), (4, 40), (32, 1000)])
def test_the_later_a_kind_the_less_room_and_time_it_has(threads, waiting):
    bounds = find_bounds(threads=threads, waiting=waiting)
    kinds = [bounds[kind] for kind in Kind if kind != Kind.HEALTH]

    assert bounds[Kind.VOTE].waiting == waiting
    for name in ("waiting", "seconds", "places"):
        values = [getattr(bound, name) for bound in kinds]
        assert values == sorted(values, reverse=True)
        assert min(values) > 0


@pytest.mark.parametrize("waiting", [0, 1, 9, 10, 40, 1000])
def test_what_is_kept_is_there_for_all_at_once(waiting):
    bounds = find_bounds(threads=4, waiting=waiting).values()

    assert sum(bound.kept for bound in bounds) <= waiting


def test_browsing_and_exports_leave_a_thread_to_votes():
    assert find_bounds(threads=4, waiting=40)[Kind.BROWSING].places == 3
