# Untried: no container engine was at hand when this was written. Its commands run as plain processes in
# tests/functional/test_compose.py; the build itself has not run.
FROM python:3.13-slim-trixie AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev libpq-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
COPY requirements-prod.txt /tmp/
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /tmp/requirements-prod.txt

FROM python:3.13-slim-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /srv/veriset veriset \
    && install --directory --owner veriset /srv/veriset /srv/media /srv/releases /srv/beat /srv/metrics /srv/ledger /backups
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/srv/veriset/var/static MEDIA_ROOT=/srv/media RELEASE_ROOT=/srv/releases \
    DELETION_LEDGER=/srv/ledger/deletions.jsonl GRANIAN_BLOCKING_THREADS=64
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/veriset
COPY manage.py ./
COPY config config
COPY hierarchy hierarchy
COPY annotation annotation
COPY templates templates
COPY static static
COPY demo demo
COPY locale locale
RUN python -m config.texts compile
RUN SECRET_KEY=build python manage.py collectstatic --noinput
USER veriset
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--backpressure", "512", "--backlog", "128", "--workers-kill-timeout", "8", "--log-config", "config/granian.json", "config.wsgi:application"]
