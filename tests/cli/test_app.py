"""The command line as its users see it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import psutil
import pytest
import yaml
from job_files import OWN, RANDOM, SCRIPT, write
from studies import wait_until
from typer.testing import CliRunner

from bohb.cli.app import app
from bohb.cli.show.plots import PlotKind

EXAMPLES = Path(__file__).parents[2] / "examples" / "cli"
SLOW = SCRIPT.replace(
    'print(json.dumps({"step"', 'import time; time.sleep(0.15); print(json.dumps({"step"'
)


def bohb(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def _done_once(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("done"))
    assert bohb("run", path, "-j", 2).exit_code == 0
    return path.parent


@pytest.fixture
def done(_done_once, tmp_path):
    """The path of a job that is done."""
    shutil.copytree(_done_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "job.yml"


def test_plan_shows_the_schedule_and_an_example_and_runs_nothing(tmp_path):
    path = write(tmp_path)
    shown = bohb("plan", path)
    assert shown.exit_code == 0
    assert "bracket 0  9  3  1 |" in shown.output
    assert "train.py --lr=0.5 --epochs=1" in shown.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.yml", "train.py"]


def test_plan_says_how_much_of_it_is_done(done):
    assert "note: 20 evaluations of it are done; bohb status" in bohb("plan", done).stderr


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("resource: {name: epochs, max: 9}", "method: random\nlimits: {n_trials: 4}",
         "random: 4 configurations"),
        ("resource:", "method: random\nlimits: {n_trials: 4}\nresource:",
         "random: 4 configurations, each with epochs 9 (36 in all)"),
        ("seed:", "limits: {total_resource: 100}\nseed:", "until the limit: 100 epochs in all"),
        ("seed:", "limits: {timeout: 60}\nseed:", "Hyperband, 1 round of 3 brackets"),
        ("seed:", "limits: {n_brackets: 2}\nseed:", "total              |     12"),
    ],
)  # fmt: skip
def test_plan_says_what_the_limit_is(tmp_path, old, new, shown):
    path = write(tmp_path, OWN.replace(old, new).replace("--epochs={{ epochs }}", "{{ resource }}"))
    output = " ".join(bohb("plan", path).output.split())
    assert " ".join(shown.split()) in output


def test_run_writes_a_line_for_each_leg_and_ends_with_where_it_stands(tmp_path):
    shown = bohb("run", write(tmp_path))
    assert shown.exit_code == 0
    lines = shown.stderr.splitlines()
    assert len(lines) == 20
    assert lines[0].startswith("1/20  trial 0 at epochs 1: loss ")
    assert lines[0].endswith("s), the best at epochs 1 so far")
    assert lines[-1].startswith("20/20  trial 14 at epochs 9: loss ")
    assert "evaluations  20 of 20" in shown.stdout
    assert "bracket 0  9/9  3/3  1/1" in shown.stdout


def test_run_again_has_nothing_to_do(done):
    shown = bohb("run", done)
    assert shown.exit_code == 0
    assert shown.stderr == ""


def test_status_is_for_people_and_for_programs(done):
    assert "best         loss" in bohb("status", done).stdout
    told = json.loads(bohb("status", done, "--format", "json").stdout)
    assert (told["activity"], told["n_evaluations"], told["n_planned"]) == ("done", 20, 20)
    assert told["best"]["resource"] == 9
    assert told["seconds_left"] is None


def test_best_is_printed_in_four_ways(done):
    told = json.loads(bohb("best", done, "-f", "json").stdout)
    assert told["metric"] == "loss"
    assert Path(told["checkpoint_dir"], "epoch").read_text() == "9"
    assert yaml.safe_load(bohb("best", done, "-f", "yaml").stdout) == told
    assert bohb("best", done, "-f", "args").stdout == f"--lr={told['params']['lr']}\n"
    assert "loss" in bohb("best", done).stdout


def test_explain_says_what_became_of_a_trial(done):
    shown = bohb("explain", done, "3")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Trial 3 of bracket 0 ")
    assert "\nIt was drawn from the prior" in shown.stdout
    assert bohb("explain", done, "99").exit_code == 2


def test_report_writes_a_page(done, tmp_path):
    page = tmp_path / "page.html"
    assert bohb("report", done, "-o", page).exit_code == 0
    assert "The ten best trials" in page.read_text()


def test_export_writes_evaluations_and_reports(done, tmp_path):
    rows = list(csv.DictReader(io.StringIO(bohb("export", done).stdout)))
    assert len(rows) == 20
    place = "number bracket rung resource value state"
    judged = "outcome rank n_ranked n_kept n_reserved cut"
    columns = f"{place} {judged} proposed_by began ended worker params_lr".split()
    assert list(rows[0]) == columns
    promoted = [row for row in rows if row["outcome"] == "promoted" and row["resource"] == "1"]
    assert len(promoted) == 3
    assert all(float(row["value"]) <= float(row["cut"]) for row in promoted)
    assert {row["rank"] for row in promoted} == {"1", "2", "3"}
    assert all(row["began"] < row["ended"] for row in rows)
    found = bohb("export", done, "-f", "json", "--rows", "reports", "-o", tmp_path / "r.json")
    reports = json.loads((tmp_path / "r.json").read_text())
    assert f"{len(reports)} rows in" in found.stderr
    assert len(reports) == 63
    assert reports[0] == {"number": 0, "resource": 1, "value": reports[0]["value"]}


@pytest.mark.parametrize("kind", get_args(PlotKind))
def test_plot_draws_a_picture(done, tmp_path, kind):
    picture = tmp_path / "picture.png"
    assert bohb("plot", done, "--kind", kind, "-o", picture).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_learning_curves_of_a_job_without_a_resource_are_of_what_its_commands_reported(tmp_path):
    path = write(tmp_path, RANDOM.replace("{{ epochs }}", "4"))
    assert bohb("run", path).exit_code == 0
    assert bohb("plot", path, "-o", tmp_path / "curves.svg").exit_code == 0
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    reports = list(csv.DictReader(io.StringIO(bohb("export", path, "--rows", "reports").stdout)))
    assert [(row["number"], row["resource"]) for row in reports] == [
        (str(number), str(step)) for number in range(3) for step in range(1, 5)
    ]


def test_a_picture_that_cannot_be_drawn_is_refused(done, tmp_path):
    shown = bohb("plot", done, "-o", tmp_path / "picture.xyz")
    assert shown.exit_code == 2
    assert "--output must be a picture, got " in shown.stderr
    path = write(tmp_path / "short", OWN + "limits: {n_trials: 1}\n")
    assert bohb("run", path).exit_code == 0
    shown = bohb("plot", path, "--kind", "history", "-o", tmp_path / "picture.png")
    assert shown.exit_code == 3
    assert "takes at least 2 of them, got 1: --kind learning-curves shows all" in shown.stderr


def test_the_picture_has_the_name_that_is_told(done, tmp_path):
    shown = bohb("plot", done, "-o", tmp_path / "x")
    assert shown.stdout == f"{tmp_path / 'x.png'}\n"
    assert (tmp_path / "x.png").is_file()
    shown = bohb("plot", done, "-o", tmp_path)
    assert shown.exit_code == 2
    assert "is a directory" in " ".join(shown.stderr.replace("│", " ").split())


def test_a_table_without_rows_has_its_columns(tmp_path):
    path = write(
        tmp_path, OWN + "limits: {n_trials: 1}\nmax_failures: 1\n", "raise SystemExit(1)\n"
    )
    bohb("run", path)
    shown = bohb("export", path, "--rows", "reports")
    assert shown.stdout.splitlines() == ["number,resource,value"]


@pytest.mark.slow
def test_a_storage_can_be_named(tmp_path):
    path = write(tmp_path, OWN + "limits: {n_brackets: 1}\n")
    shown = bohb("run", path, "--storage", tmp_path / "deep" / "x.journal")
    assert shown.exit_code == 2
    assert "--storage must be in a directory that exists" in shown.stderr
    (tmp_path / "deep").mkdir()
    for storage in (tmp_path / "deep" / "x.journal", f"sqlite:///{tmp_path}/x.db"):
        assert bohb("status", path, "-s", storage).exit_code == 3
        assert bohb("run", path, "--storage", storage).exit_code == 0
        assert "13 of 13" in bohb("status", path, "-s", storage).stdout
    assert (tmp_path / "deep" / "job.runs" / "trial-00000").is_dir()
    assert not (tmp_path / "job.journal").exists()


# Exit codes


def test_a_wrong_job_or_command_line_is_2(tmp_path):
    shown = bohb("plan", write(tmp_path, OWN + "sed: 1\n"))
    assert shown.exit_code == 2
    assert shown.stderr.startswith("error: ")
    assert "job.yml:8: sed is not known: did you mean seed?" in shown.stderr
    assert bohb("plan").exit_code == 2
    assert bohb("run", tmp_path / "gone.yml").exit_code == 2
    assert bohb("run", write(tmp_path), "--jobs", 0).exit_code == 2


def test_all_faults_of_a_job_are_told_at_once_a_line_each(tmp_path):
    path = write(tmp_path, OWN.replace("max: 9", "max: many") + "sed: 1")
    told = bohb("run", path)
    assert told.exit_code == 2
    assert told.output.splitlines() == [
        f"error: {path}:4: resource.max must be a number, got 'many'",
        f"error: {path}:8: sed is not known: did you mean seed?",
    ]


def test_the_schema_of_a_job_file_is_printed():
    shown = bohb("schema")
    assert shown.exit_code == 0
    assert "early_stopping" in json.loads(shown.output)["properties"]


@pytest.mark.parametrize("command", ["status", "best", "export", "plot"])
def test_what_has_not_begun_is_3(tmp_path, command):
    shown = bohb(command, write(tmp_path))
    assert shown.exit_code == 3
    assert "job 'job' has not begun: start it with bohb run" in shown.stderr


def test_a_job_whose_commands_all_fail_is_4(tmp_path):
    script = "import sys; sys.exit('no data')"
    shown = bohb("run", write(tmp_path, OWN + "limits: {n_trials: 3}\n", script))
    assert shown.exit_code == 4
    assert "no data" in shown.stderr
    assert "every evaluation failed" in shown.stderr
    assert bohb("best", tmp_path / "job.yml").exit_code == 3
    many = bohb("run", write(tmp_path / "many", OWN, script))
    assert many.exit_code == 4
    assert "more than max_failures=0.9 allows" in many.stderr


def test_a_job_that_has_changed_is_2(done):
    shown = bohb("run", write(done.parent, OWN.replace("high: 1", "high: 2")))
    assert shown.exit_code == 2
    assert "params.lr (was" in " ".join(shown.stderr.split())


def test_values_are_not_shown_as_those_of_another_metric(done):
    done.write_text(done.read_text().replace("metric: loss", "metric: acc"))
    for command in ("best", "status", "export"):
        shown = bohb(command, done)
        assert shown.exit_code == 2
        assert "another metric.name (was 'loss', is 'acc')" in shown.output


def test_a_job_that_has_changed_is_noticed(done):
    write(done.parent, OWN.replace("high: 1", "high: 2"))
    for command in ("status", "best"):
        shown = bohb(command, done)
        assert shown.exit_code == 0
        assert "note: the job has changed since its study was begun, in params.lr" in shown.stderr
    write(done.parent, OWN.replace("train.py", "-u train.py"))
    shown = bohb("run", done)
    assert shown.exit_code == 0
    assert "note: the last run had another command, {{ python }} train.py" in shown.stderr


def test_a_storage_that_is_none_is_1(tmp_path):
    path = write(tmp_path)
    (tmp_path / "job.journal").write_text("something else\n")
    shown = bohb("run", path)
    assert shown.exit_code == 1
    assert "storage must be a journal" in shown.stderr


def test_a_run_that_was_stopped_by_its_time_is_5(tmp_path):
    path = write(tmp_path, script=SLOW)
    shown = bohb("run", path, "--timeout", 1.5)
    assert shown.exit_code == 5
    assert "stopped before it was done; to go on: bohb run" in " ".join(shown.stdout.split())


def test_a_file_that_cannot_be_written_is_named(done, tmp_path):
    for command, name in (("export", "x.csv"), ("plot", "x.png")):
        shown = bohb(command, done, "-o", tmp_path / "nowhere" / name)
        assert shown.exit_code == 2
        assert "--output cannot be written" in shown.stderr


def test_an_ending_that_is_no_format_is_refused(done, tmp_path):
    shown = bohb("export", done, "-o", tmp_path / "x.xlsx")
    assert shown.exit_code == 2
    assert "--output must end with .csv or .json" in shown.stderr
    assert not (tmp_path / "x.xlsx").exists()


def test_a_wrong_timeout_leaves_nothing_behind(tmp_path):
    path = write(tmp_path)
    before = set(tmp_path.iterdir())
    shown = bohb("run", path, "--timeout", "0")
    assert shown.exit_code == 2
    assert "--timeout must be positive" in shown.stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_reader_that_has_enough_ends_an_export_in_silence(done):
    command = f"{sys.executable} -m bohb export {done} | head -c 1"
    run = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert run.stderr == ""


def test_the_password_of_a_database_is_not_shown(tmp_path):
    shown = bohb("run", write(tmp_path), "-s", "nosuch://me:secret@host/db")
    assert shown.exit_code == 1
    assert "secret" not in shown.output
    assert "me:***@host" in shown.output


def test_options_that_are_none_of_the_command_are_named(tmp_path):
    text = OWN.replace("--lr={{ lr }}", "--lr={{ lr }} --out={{ checkpoint_dir }}/{{ lr }}")
    path = write(
        tmp_path,
        text.replace("params:", "params:\n  hidden: [1, 2]"),
        SCRIPT.replace(
            'parser.add_argument("--epochs"',
            'parser.add_argument("--out")\nparser.add_argument("--epochs"',
        ),
    )
    assert bohb("run", path).exit_code == 0
    shown = bohb("best", path, "-f", "args")
    assert shown.stdout.startswith("--lr=0.")
    assert "note: not options of the command: hidden" in shown.stderr


@pytest.mark.filterwarnings("always")
def test_warnings_are_notes(tmp_path):
    path = write(tmp_path, OWN.replace("max: 9", "min: 5, max: 9"))
    assert "note: min_resource=5 times reduction_factor=3" in bohb("plan", path).stderr


# Processes


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "bohb", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def n_evaluations(path):
    shown = bohb("status", path, "-f", "json")
    return json.loads(shown.stdout)["n_evaluations"] if shown.exit_code == 0 else 0


def commands_of(directory):
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(directory) and "train.py" in (process.info["cmdline"] or [])
    ]


@pytest.mark.slow
def test_the_module_is_the_same_command(tmp_path):
    process = start("--version")
    assert process.communicate()[0].startswith("bohb ")
    assert process.returncode == 0
    assert start("plan", write(tmp_path)).communicate()[0].startswith("job: bohb, to minimize loss")


def test_the_version_is_that_of_the_package():
    assert bohb("--version").stdout == f"bohb {version('bohb')}\n"


def test_help_names_all_commands_and_exit_codes():
    shown = bohb("--help")
    for word in ("plan", "run", "status", "best", "export", "plot", "Exit codes", "130"):
        assert word in shown.output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_ends_its_commands_and_goes_on_later(tmp_path, number):
    path = write(tmp_path, script=SLOW)
    process = start("run", path, "-j", 2)
    wait_until(lambda: n_evaluations(path) >= 4, seconds=60)
    assert json.loads(bohb("status", path, "-f", "json").stdout)["activity"] == "running"
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "cut off; to go on" in " ".join(output.split())
    assert commands_of(tmp_path) == []
    write(tmp_path)
    shown = bohb("run", path, "-j", 2)
    assert shown.exit_code == 0
    assert n_evaluations(path) == 20


def decided(path):
    """Return the rows that `bohb export` writes, without what is by chance."""
    rows = csv.DictReader(io.StringIO(bohb("export", path).stdout))
    by_chance = {"began", "ended", "worker", "proposed_by"}  # a kill may hide who has proposed it
    return [{name: text for name, text in row.items() if name not in by_chance} for row in rows]


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_as_if_nothing_had_happened(tmp_path):
    whole = write(tmp_path / "whole")
    assert bohb("run", whole).exit_code == 0
    path = write(tmp_path / "killed", script=SLOW)
    for target in (3, 9, 14):
        process = start("run", path)
        wait_until(lambda target=target: n_evaluations(path) >= target, seconds=60)
        process.kill()
        process.communicate()
    assert json.loads(bohb("status", path, "-f", "json").stdout)["activity"] == "cut off"
    process = start("run", path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert decided(path) == decided(whole)
    assert commands_of(tmp_path / "killed") == []


@pytest.mark.slow
def test_a_second_run_works_for_the_first_one(tmp_path):
    path = write(tmp_path, script=SLOW)
    first = start("run", path)
    wait_until(lambda: n_evaluations(path) >= 1, seconds=60)
    second = start("run", path)
    wait_until(lambda: f"process {second.pid}" in bohb("status", path).stdout, seconds=60)
    assert f"process {first.pid}" in bohb("status", path).stdout
    for process in (first, second):
        process.communicate(timeout=120)
        assert process.returncode == 0
    told = json.loads(bohb("status", path, "--format", "json").stdout)
    assert (told["activity"], told["n_evaluations"]) == ("done", told["n_planned"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
def test_a_terminal_shows_a_live_view(tmp_path):
    import pty

    path = write(tmp_path, OWN + "limits: {n_brackets: 1}\n", SLOW)
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-m", "bohb", "run", str(path)]
    process = subprocess.Popen(command, stdout=other, stderr=other, env=environment)
    os.close(other)
    seen = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(main)
    assert process.wait() == 0
    text = seen.decode()
    assert "evaluations" in text
    assert "/13" in text
    assert "lr=" in text


@pytest.mark.slow
def test_the_example_is_tuned_with_one_file_and_one_command(tmp_path):
    text = (EXAMPLES / "digits.yml").read_text().replace("max: 27", "max: 3")
    path = write(tmp_path, text, (EXAMPLES / "train.py").read_text(), "digits.yml")
    assert bohb("run", path, "-j", 2).exit_code == 0
    told = json.loads(bohb("best", path, "-f", "json").stdout)
    assert told["value"] < 0.5
    assert set(told["params"]) == {"lr", "dropout", "activation", "hidden", "batch_size"}
    assert Path(told["checkpoint_dir"], "state.npz").is_file()
