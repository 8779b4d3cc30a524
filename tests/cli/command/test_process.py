"""Commands that run: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bohb.cli.command.process import Line, Process, end_orphan, kill_all, written_lines
from bohb.errors import CommandError
from bohb.machine import machine_name


def start(tmp_path, program):
    return Process(
        [sys.executable, "-u", "-c", program],
        workdir=tmp_path,
        environment=dict(os.environ),
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        record=tmp_path / "record.json",
    )


def note(record, pid, begun, where=None):
    """Write a record as a program does that is killed then."""
    known = {"pid": pid, "begun": begun, "machine": where or machine_name()}
    record.write_text(json.dumps(known))


def all_lines(process):
    lines = []
    while not process.is_over:
        lines += process.lines(0.1)
    return lines + process.lines(0)


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_for(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_lines_of_both_streams_come_and_are_kept(tmp_path):
    program = "import sys; print('a'); print('b', file=sys.stderr); print('é\\nlast', end='')"
    with start(tmp_path, program) as process:
        lines = all_lines(process)
        assert process.exit_code == 0
    assert [line.text for line in lines if line.stream == "stdout"] == ["a", "é", "last"]
    assert Line("stderr", "b") in lines
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a\né\nlast"
    assert (tmp_path / "err").read_text() == "b\n"
    assert not (tmp_path / "record.json").exists()


def test_a_line_comes_while_the_command_runs(tmp_path):
    with start(tmp_path, "import time; print('first'); time.sleep(60)") as process:
        assert process.lines(30) == [Line("stdout", "first")]
        assert not process.is_over


def test_progress_bars_and_bytes_that_are_no_text_do_no_harm(tmp_path):
    program = r"import os; os.write(1, b'10%\r20%\r\ndone\n\xff\xfe\n' + b'x' * 300000)"
    with start(tmp_path, program) as process:
        texts = [line.text for line in all_lines(process)]
    assert texts[:4] == ["10%", "20%", "done", "��"]
    assert texts[4] == "x" * 300000


def test_the_whole_group_is_ended(tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid); time.sleep(600)"
    )
    with start(tmp_path, program) as process:
        child = int(process.lines(30)[0].text)
        assert alive(child)
    assert process.exit_code < 0
    assert wait_for(lambda: not alive(child))


@pytest.mark.slow
def test_one_that_does_not_want_to_end_is_ended(tmp_path):
    program = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready'); time.sleep(600)"
    )
    with start(tmp_path, program) as process:
        process.lines(30)
    assert process.exit_code == -9


def test_a_grandchild_that_holds_the_output_open_is_not_waited_for(tmp_path):
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('done')"
    )
    with start(tmp_path, program) as process:
        assert wait_for(lambda: process.is_over)
        assert process.lines(0) == [Line("stdout", "done")]
        assert process.exit_code == 0


def test_what_a_shell_has_started_has_time_to_end(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        "import signal, sys, time\n"
        "def save(*_):\n    time.sleep(0.5); open('saved', 'w'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, save)\nprint('ready', flush=True); time.sleep(600)\n"
    )
    shell = f"import os; os.execvp('sh', ['sh', '-c', '{sys.executable} slow.py | cat'])"
    with start(tmp_path, shell) as process:
        assert process.lines(30) == [Line("stdout", "ready")]
    assert (tmp_path / "saved").exists()


def test_the_rest_of_a_group_without_its_leader_is_ended(tmp_path):
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    child = int(leader.stdout.readline())
    begun = psutil.Process(leader.pid).create_time()
    leader.wait()
    leader.stdout.close()
    note(tmp_path / "record.json", leader.pid, begun)
    assert end_orphan(tmp_path / "record.json")
    assert wait_for(lambda: not alive(child))


def test_a_group_of_the_same_number_on_another_machine_is_left_alone(tmp_path):
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 600 & echo $!"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(leader.stdout.readline())
    leader.wait()
    leader.stdout.close()
    try:
        note(tmp_path / "record.json", leader.pid, time.time() - 5, "after the next boot")
        assert not end_orphan(tmp_path / "record.json")
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_what_has_a_session_of_its_own_ends_with_its_command(tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    with start(tmp_path, program) as process:
        lines = []
        while not lines:
            lines = process.lines(1)
    assert wait_for(lambda: not alive(int(lines[0].text)))


def test_a_command_that_cannot_be_noted_does_not_run_on(tmp_path, monkeypatch):
    (tmp_path / "record.json").mkdir()
    begun = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *a, **k: begun.append(popen(*a, **k)) or begun[0]
    )
    with pytest.raises(OSError, match="directory"):
        start(tmp_path, "import time; time.sleep(600)")
    assert begun[0].poll() is not None


def test_all_commands_are_ended_when_the_program_leaves_in_haste(tmp_path):
    with start(
        tmp_path, "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)"
    ) as process:
        kill_all()
        assert wait_for(lambda: process.is_over)
        assert process.exit_code == -9


def test_a_program_that_cannot_be_started_is_named(tmp_path):
    with pytest.raises(CommandError, match="'/no/such/program' cannot be run in"):
        Process(
            ["/no/such/program"],
            workdir=tmp_path,
            environment={},
            stdout=tmp_path / "out",
            stderr=tmp_path / "err",
            record=tmp_path / "record.json",
        )


def test_a_command_that_lost_its_parent_is_ended(tmp_path):
    record = tmp_path / "record.json"
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    begun = psutil.Process(orphan.pid).create_time()
    note(record, orphan.pid, begun)
    assert end_orphan(record)
    assert not alive(orphan.pid)
    assert not record.exists()
    orphan.wait()


def test_another_process_with_the_number_of_the_old_one_is_left_alone(tmp_path):
    record = tmp_path / "record.json"
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    try:
        note(record, other.pid, 1.0)
        assert not end_orphan(record)
        assert other.poll() is None
        assert not end_orphan(record)
        record.write_text("not JSON")
        assert not end_orphan(record)
    finally:
        other.kill()
        other.wait()


def test_kept_outputs_are_read_in_the_order_in_which_they_were_written(tmp_path):
    for age, resource in enumerate([27, 9, 3]):
        path = tmp_path / f"resource-{resource}.stdout"
        path.write_bytes(f"first {resource}\rsecond\u2028half {resource}\r\n".encode())
        os.utime(path, (1e9 - age, 1e9 - age))
    assert [line.text for line in written_lines(tmp_path)] == [
        text
        for resource in (3, 9, 27)
        for text in (f"first {resource}", f"second\u2028half {resource}")
    ]
