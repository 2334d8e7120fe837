"""Lines between the parts that import-linter cannot see."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from config.celery import app as celery

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "hierarchy", "annotation")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60
PURE = [
    "annotation.consensus",
    "hierarchy.dag",
    "hierarchy.exports",
    "hierarchy.imaging",
    "hierarchy.intake",
    "hierarchy.wordnet",
]


def list_relations(label):
    return [
        field
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and field.related_model is not None
    ]


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_relation_of_the_hierarchy_targets_annotation():
    own = [
        field
        for field in list_relations("hierarchy")
        if field.concrete or (field.many_to_many and not field.auto_created)
    ]

    assert [str(field) for field in own if field.related_model._meta.app_label == "annotation"] == []


def test_the_hierarchys_models_do_not_show_who_points_at_them():
    pointing = [
        field
        for field in list_relations("annotation")
        if (field.concrete or field.many_to_many) and field.related_model._meta.app_label == "hierarchy"
    ]

    assert pointing
    assert [str(field) for field in pointing if not field.remote_field.hidden] == []


def test_no_migration_of_the_hierarchy_depends_on_annotation():
    graph = MigrationLoader(None).disk_migrations

    needed = [
        parent for (label, _), migration in graph.items() if label == "hierarchy" for parent in migration.dependencies
    ]
    assert [parent for parent in needed if parent[0] == "annotation"] == []


@pytest.mark.parametrize("label", ["hierarchy", "annotation"])
def test_an_app_has_one_leaf_migration(label):
    assert len(MigrationLoader(None).graph.leaf_nodes(label)) == 1


def test_celery_tasks_carry_their_app_a_docstring_and_keyword_arguments_only():
    celery.loader.import_default_modules()
    own = {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}

    assert own
    for name, task in own.items():
        parameters = inspect.signature(task.run).parameters.values()
        assert name.split(".")[:2] in (["hierarchy", "tasks"], ["annotation", "tasks"])
        assert task.__doc__
        assert all(parameter.kind == parameter.KEYWORD_ONLY for parameter in parameters)


def test_pure_modules_leave_django_unloaded():
    code = (
        f"import sys, {', '.join(PURE)}; print([name for name in ('django', 'celery', 'redis') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def list_imports(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_nobody_listens_to_signals():
    listening = ("django.dispatch", "django.db.models.signals", "django.core.signals", "celery.signals")
    found = [(path.name, name) for path in MODULES for name in list_imports(path) if name.startswith(listening)]

    assert found == []


def test_no_answer_reads_the_database_while_it_is_sent():
    """It would be in a thread of the server's, which has no connection (config/admission)."""
    found = [(path.name, name) for path in MODULES for name in list_imports(path) if "StreamingHttpResponse" in name]

    assert found == []


def test_no_model_overrides_save_or_delete():
    found = [
        (path.name, node.name)
        for path in MODULES
        if "models" in path.parts
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef) and node.name in {"save", "delete", "clean", "full_clean"}
    ]

    assert found == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "services"])
def test_a_module_is_named_after_what_it_holds(word):
    assert [path for path in MODULES if path.stem == word or word in path.parts] == []


def test_modules_and_functions_stay_within_their_lines():
    own = [path for path in MODULES if "migrations" not in path.parts]
    long_modules = [path.name for path in own if len(path.read_text(encoding="utf-8").splitlines()) > LINES_OF_A_MODULE]
    long_functions = [
        (path.name, node.name)
        for path in own
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LINES_OF_A_FUNCTION
    ]

    assert (long_modules, long_functions) == ([], [])
