import subprocess
import sys


def test_importing_the_package_leaves_django_unloaded() -> None:
    program = (
        "import sys, annotation.consensus.decide, annotation.consensus.estimate, annotation.consensus.model;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'rest_framework', 'celery', 'config'}))"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "[]"
