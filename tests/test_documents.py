"""Every program in the README, the documentation and the examples runs, and prints what it says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import nbclient
import nbformat
import pytest

from bohb.cli.jobs import json_schema, read_job
from bohb.cli.jobs.document import read_document

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
JOB_FLAGS = re.MULTILINE | re.DOTALL
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# By page: what its programs need.
OPTIONAL = {
    "dask": ["distributed"],
    "ray": ["ray"],
    "distributed-training": ["torch"],
    "lightning": ["torch", "lightning"],
    "keras": ["torch", "keras"],
    "transformers": ["torch", "transformers", "accelerate"],
    "boosting": ["xgboost", "lightgbm"],
    "tracking": ["mlflow", "wandb", "tensorboardX"],
    "automl": ["amltk", "sktime"],
    "spark": ["pyspark", "joblibspark"],
    "ray-tune": ["ray"],
    "keras-tuner": ["torch", "keras"],
}
os.environ.setdefault("KERAS_BACKEND", "torch")
SLOW = {*OPTIONAL, "scikit-learn", "tutorial"}
PROGRAMS = [
    pytest.param(
        page,
        id=str(page.relative_to(ROOT)),
        marks=[pytest.mark.slow] if page.stem in SLOW else [],
    )
    for page in PAGES
    if "```python" in page.read_text()
]


@pytest.fixture(autouse=True)
def _ray_as_it_was():
    """Shut down Ray if a page has begun it: other tests begin it with settings of their own."""
    was_there = _ray_is_there()
    yield
    if _ray_is_there() and not was_there:
        sys.modules["ray"].shutdown()


def _ray_is_there():
    return "ray" in sys.modules and sys.modules["ray"].is_initialized()


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_programs_of_a_page_print_what_it_says(page, tmp_path, monkeypatch):
    for needed in OPTIONAL.get(page.stem, ()):
        pytest.importorskip(needed)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(text, str(page), "exec"), names)  # noqa: S102 - our own pages
        else:
            assert printed.getvalue().strip() == text.strip()


GALLERY_NEEDS = {
    "with_pytorch": ["torch"],
    "with_lightning": ["torch", "lightning"],
    "with_keras": ["torch", "keras"],
    "with_xgboost": ["xgboost"],
    "with_lightgbm": ["lightgbm"],
    "plot_07_dask": ["distributed"],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", sorted((ROOT / "examples" / "gallery").glob("*.py")), ids=lambda path: path.stem
)
def test_the_programs_of_the_gallery_run(program, tmp_path):
    for needed in GALLERY_NEEDS.get(program.stem, ()):
        pytest.importorskip(needed)
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


JOBS = [
    (page, index, text)
    for page in PAGES
    for index, text in enumerate(re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), JOB_FLAGS))
]


@pytest.mark.parametrize(("page", "index", "text"), JOBS, ids=[f"{p.stem}-{i}" for p, i, _ in JOBS])
def test_the_job_files_of_a_page_can_be_planned(page, index, text, tmp_path):
    (tmp_path / "job.yml").write_text(text)
    job = read_job(tmp_path / "job.yml", is_to_run=False)
    assert job.plan is not None
    if page.stem != "polyaxon":
        jsonschema.validate(read_document(tmp_path / "job.yml").value, json_schema())


def test_the_job_file_of_the_documentation_is_that_of_the_example(tmp_path):
    (text,) = [text for page, _, text in JOBS if page.stem == "command-line"]
    (tmp_path / "digits.yml").write_text(text)
    written = read_document(tmp_path / "digits.yml").value
    assert written == read_document(ROOT / "examples" / "cli" / "digits.yml").value


def test_the_first_program_of_the_readme_is_short():
    kind, program = BLOCK.search((ROOT / "README.md").read_text()).groups()
    assert kind == "python"
    assert len([line for line in program.splitlines() if line.strip()]) < 20


@pytest.mark.parametrize(
    "link",
    sorted(
        {
            (page, target)
            for page in PAGES
            for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text())
        }
    ),
    ids=lambda link: f"{link[0].name}-{link[1]}",
)
def test_links_between_pages_lead_somewhere(link):
    page, target = link
    if "api/" in target:  # written when the documentation is built, for each name that is listed
        name = Path(target).name.removesuffix(".md")
        listed = (ROOT / "docs" / "reference.md").read_text()
        assert name == "index" or f":: {name}\n" in listed
    else:
        assert (page.parent / target).is_file()


@pytest.mark.slow
def test_the_demo_runs_and_draws_its_picture(tmp_path):
    picture = tmp_path / "curves.png"
    command = [sys.executable, str(ROOT / "examples" / "digits.py")]
    run = subprocess.run(
        [*command, "--max-epochs", "9", "--picture", str(picture)],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
    )
    assert "run:     15 trials, 20 evaluations, 63 epochs" in run.stdout
    assert "held-out accuracy" in run.stdout
    assert "63/63 resource" in run.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_pipeline_that_tunes_itself_runs_and_draws_its_chart(tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "automl.py")]
    run = subprocess.run(
        [*command, "--rounds", "1", "--max-samples", "108"],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
    )
    assert "Best pipeline:" in run.stdout
    assert "1620/1620 resource" in run.stderr
    assert (tmp_path / "automl.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_notebook_runs_and_was_stored_with_its_pictures(tmp_path):
    notebook = nbformat.read(ROOT / "examples" / "tutorial.ipynb", as_version=4)
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    assert sum("image/png" in each.get("data", {}) for each in outputs) == 5
    assert not [each for each in outputs if each.output_type == "error"]
    budget = [cell for cell in notebook.cells if "12 * 27" in cell.source]
    for cell in budget:  # of a quarter as many epochs, which is as good for a test
        cell.source = cell.source.replace("12 * 27", "3 * 27")
    assert len(budget) == 1
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    printed = [each.text for each in notebook.cells[-2].outputs if each.output_type == "stream"]
    assert "BOHB       loss " in "".join(printed)


@pytest.mark.slow
def test_the_schedule_of_a_population_beats_each_constant_rate(tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "population.py")]
    run = subprocess.run(command, capture_output=True, check=True, text=True, cwd=tmp_path)
    assert "epochs   0 to   3: rate " in run.stdout
    found, constant = re.search(r"at the end: (\S+)\n.* with loss (\S+)", run.stdout).groups()
    assert float(found) < float(constant)


@pytest.mark.slow
def test_processes_of_the_example_share_one_study(tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "many_processes.py")]
    command += ["--storage", "digits.journal"]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    printed = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    shares = [re.search(r"began (\d+) of (\d+) trials", lines[0]).groups() for lines in printed]
    assert sum(int(mine) for mine, _ in shares) == 46
    assert {int(total) for _, total in shares} == {46}
    assert printed[0][1] == printed[1][1]
