"""What a request is for, by method and path alone, and how many of a kind may wait, how long, and run at a time."""

import re
from collections.abc import Mapping

from config.admission.line import Bound, Kind

VOTES = re.compile(r"(/crowd/[^/]+/[^/]+)?/(api/v1/batches/[^/]+/votes|annotate/[^/]+/(submit|undo))/")
# The first that the path begins with; all else is browsing.
BEGINNINGS = (
    (Kind.HEALTH, re.compile(r"/readyz$")),
    (Kind.LEASE, re.compile(r"/api/v1/(batches|me)/|(/crowd/[^/]+/[^/]+)?/annotate/")),
    (Kind.PART, re.compile(r"(/crowd/[^/]+/[^/]+)?/(pictures|static)/")),
    (Kind.EXPORT, re.compile(r"/account/data/download/")),
    (Kind.EXPORT, re.compile(r"/(api/v1|hierarchy)/releases/[^/]+/files/")),
    (Kind.EXPORT, re.compile(r"/api/(v1/labels/|v1/synsets/[^/]+/(labels|images|descendants)/|schema/)")),
)
# A browser gives a page up after 10 s (static/js/server.js), the health check of docker-compose.yml after 3 s. What waits to be
# shown to somebody is not worth much after some seconds.
SECONDS = {
    Kind.HEALTH: 2.5,
    Kind.VOTE: 8.0,
    Kind.PART: 6.0,
    Kind.LEASE: 6.0,
    Kind.BROWSING: 4.0,
    Kind.EXPORT: 4.0,
}


def find_kind(method: str, path: str) -> Kind:
    if method in {"POST", "DELETE"} and VOTES.fullmatch(path):
        return Kind.VOTE
    return next((kind for kind, beginning in BEGINNINGS if beginning.match(path)), Kind.BROWSING)


def find_bounds(*, threads: int, waiting: int) -> Mapping[Kind, Bound]:
    """For a process with so many threads and room for so many to wait.

    Votes may take all the room but for a tenth each, which is there for health and browsing when these come. One thread is kept from
    all that may take long, so that votes never wait for four exports.
    """
    tenth = waiting // 10
    share = {
        Kind.HEALTH: (4, threads, tenth),
        Kind.VOTE: (waiting, threads, waiting - 2 * tenth),
        Kind.PART: (waiting * 3 // 4, threads, 0),
        Kind.LEASE: (waiting * 3 // 4, threads, 0),
        Kind.BROWSING: (waiting // 2, threads - 1, tenth),
        Kind.EXPORT: (waiting // 5, threads // 2, 0),
    }
    return {
        kind: Bound(waiting=max(room, 1), seconds=SECONDS[kind], places=max(places, 1), kept=kept)
        for kind, (room, places, kept) in share.items()
    }
