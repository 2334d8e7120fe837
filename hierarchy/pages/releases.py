"""Published releases and their files."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import quote_etag

from hierarchy.errors import NotFound
from hierarchy.models import Release
from hierarchy.queries import releases


def show_releases(request: HttpRequest) -> HttpResponse:
    return render(request, "hierarchy/releases.html", {"releases": releases.list_published()})


def show_release(request: HttpRequest, name: str) -> HttpResponse:
    release = _find_release_or_404(name)
    files = [(file, bytes(file.sha256).hex()) for file in sorted(release.files.all(), key=lambda file: file.name)]
    return render(request, "hierarchy/release.html", {"release": release, "files": files})


def download_file(request: HttpRequest, name: str, file: str) -> HttpResponseBase:
    try:
        opened = releases.open_release_file(name=name, file=file)
    except (NotFound, FileNotFoundError) as error:
        raise Http404("There is no such file.") from error
    response = FileResponse(opened.content, as_attachment=True, filename=file)
    response["ETag"] = quote_etag(bytes(opened.file.sha256).hex())
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _find_release_or_404(name: str) -> Release:
    try:
        return releases.find_published(name=name)
    except NotFound as error:
        raise Http404(error.detail) from error
