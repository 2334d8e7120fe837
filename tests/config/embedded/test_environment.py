from config.embedded import environment


def describe(folder, **given):
    return environment.describe_environment(
        folder=folder, database_url="postgres://here/veriset", redis_url="unix:///here", given=given
    )


def test_secret_key_is_kept_and_private(tmp_path):
    key = environment.read_secret_key(folder=tmp_path)

    assert len(key) >= 50
    assert environment.read_secret_key(folder=tmp_path) == key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_service_serves_plain_http_to_this_machine_only(tmp_path):
    variables = describe(tmp_path)

    assert variables["SECURE"] == variables["DEBUG"] == "false"
    assert variables["ALLOWED_HOSTS"] == "localhost,127.0.0.1"


def test_variables_given_by_the_caller_hold(tmp_path):
    variables = describe(tmp_path, ALLOWED_HOSTS="veriset.example", EDITOR="vi", DEBUG="")

    assert variables["ALLOWED_HOSTS"] == "veriset.example"
    assert variables["DEBUG"] == "false"
    assert "EDITOR" not in variables


def test_nothing_runs_in_an_empty_folder(tmp_path):
    assert environment.read_running_environment(folder=tmp_path) == {}


def test_published_environment_is_private_until_withdrawn(tmp_path):
    environment.publish_environment(folder=tmp_path, environment={"SECRET_KEY": "x"})
    assert (tmp_path / "environment.json").stat().st_mode & 0o777 == 0o600

    environment.withdraw_environment(folder=tmp_path)

    assert list(tmp_path.iterdir()) == []
