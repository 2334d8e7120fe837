"""Pictures. The signature in the address is the permission."""

import time

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from hierarchy.errors import NotFound
from hierarchy.queries import pictures

# Enough of a token to name a picture to its own audience: the tag, in base64.
ETAG_LETTERS = 20


def show_picture(request: HttpRequest, token: str) -> HttpResponseBase:
    """The picture's bytes. No header tells which image it is: file names and hashes would give gold away."""
    now = int(time.time())
    etag = quote_etag(token[:ETAG_LETTERS])
    try:
        picture = pictures.find_picture(token, now=now)
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            return unchanged
        content = default_storage.open(picture.storage_name)
    except (NotFound, FileNotFoundError) as error:
        raise Http404("There is no such picture.") from error
    response = FileResponse(content, filename="picture.jpg", content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={picture.expires_at - now}, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
