import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys, annotation.consensus
for module in pkgutil.iter_modules(annotation.consensus.__path__, "annotation.consensus."):
    importlib.import_module(module.name)
print(sorted({name.split(".")[0] for name in sys.modules} & {"django", "rest_framework", "celery", "redis", "config"}))
"""


def test_importing_every_module_of_the_package_leaves_django_unloaded() -> None:
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "[]"
