"""What holds for every test: no network, quick passwords, a cache of its own."""

import itertools
import socket
from ipaddress import ip_address

import hypothesis
import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings
from django.utils import translation

from annotation.api import rows
from config.reading import BASE_DIR
from config.texts.catalogues import compile_catalogues

# Here, before any test or harness imports it.
pytest.register_assert_rewrite("tests.functional.promises")
LOCAL_NAMES = {"localhost", "testserver", ""}
_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex
_find_addresses = socket.getaddrinfo
_runs = itertools.count(1)


class NetworkForbidden(RuntimeError):
    """A test tried to leave this machine."""


def _check_host(host):
    try:
        local = host is None or host in LOCAL_NAMES or ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        local = False
    if not local:
        raise NetworkForbidden(f"tests may not reach {host}")


def _check_address(opened, address):
    if opened.family in (socket.AF_INET, socket.AF_INET6):
        _check_host(address[0])


def _connect_locally(self, address):
    _check_address(self, address)
    return _connect(self, address)


def _connect_locally_ex(self, address):
    _check_address(self, address)
    return _connect_ex(self, address)


def _find_local_addresses(host, *arguments, **options):
    _check_host(host.decode() if isinstance(host, bytes) else host)
    return _find_addresses(host, *arguments, **options)


def pytest_configure():
    """A thread of the live server keeps no connection, or the test database could not be dropped at the end. A busy machine is no fault of
    a test's examples."""
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    compile_catalogues(BASE_DIR)
    hypothesis.settings.register_profile(
        "veriset", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("veriset")


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Sockets reach this machine only, and no name is looked up but its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _connect_locally)
        patch.setattr(socket.socket, "connect_ex", _connect_locally_ex)
        patch.setattr(socket, "getaddrinfo", _find_local_addresses)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords():
    """Argon2 is slow on purpose; tests make a thousand accounts. Services in processes of their own keep it."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def emptied_audit_log():
    """Tests that commit empty all tables at their end, which the audit log refuses to everybody: the guards look away for that."""
    empty = DatabaseOperations.execute_sql_flush

    def empty_unguarded(self, sql_list):
        return empty(self, ["SET LOCAL session_replication_role = replica", *sql_list])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", empty_unguarded)
        yield


@pytest.fixture(autouse=True)
def own_cache(settings, worker_id):
    """No test finds what another one left in the cache."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": f"{worker_id}-{next(_runs)}"}}
    rows.write_synset_in_full.cache_clear()


@pytest.fixture(autouse=True)
def english():
    """No test finds the language in which another one has read a page."""
    translation.activate("en")


@pytest.fixture
def django_assert_num_queries(settings, django_assert_num_queries):
    """Counts the same whether or not this connection has prepared a statement before."""
    settings.PREPARED_STATEMENTS = False
    return django_assert_num_queries
