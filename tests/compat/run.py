"""Run the tests of Optuna's installed release on studies of `bohb`, with and without brackets.

The tests are not in Optuna's wheel, so pip downloads the source of the release.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import optuna

HERE = Path(__file__).parent
TESTS = ["tests/study_tests", "tests/trial_tests", "tests/test_callbacks.py"]


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        release = f"optuna=={optuna.__version__}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary"]
        subprocess.run([*pip, "optuna", "--dest", name, release], check=True)
        with tarfile.open(next(directory.glob("optuna-*.tar.gz"))) as source:
            source.extractall(directory, filter="data")
        tests = next(directory.glob("optuna-*/tests"))
        tests.rename(directory / "tests")  # away from the package beside them
        failed = [kind for kind in ("plain", "brackets") if not passes(directory, kind)]
    return f"Optuna's tests fail: {', '.join(failed)}" if failed else 0


def passes(directory, kind):
    print(f"\nOptuna {optuna.__version__}, {kind}", flush=True)
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "BOHB_COMPAT": kind}
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "plugin", "-p", "no:cacheprovider"]
    options = ["--numprocesses", str((os.cpu_count() or 1) + 1), "--disable-warnings"]
    done = subprocess.run([*pytest, *options, *TESTS], cwd=directory, env=environment)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
