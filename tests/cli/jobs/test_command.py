"""Commands with places for values, and what cannot get out of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.cli.jobs.command import Command, Template, as_text
from bohb.errors import ArgumentError

ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"
texts = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


def output(call):
    run = subprocess.run(
        call.arguments, capture_output=True, check=True, env=call.environment, encoding="utf-8"
    )
    return run.stdout


@pytest.mark.parametrize("text", ["{{ lr | abs }}", "{{ 1 + 1 }}", "{{}}", "{{ a b }}", "{{ lr"])
def test_only_names_may_stand_between_braces(text):
    with pytest.raises(ArgumentError):
        Template.parse(text)


def test_values_are_written_as_texts_or_json():
    template = Template.parse("{{a}}/{{ b-c.d }}{{e}}")
    assert template.names == ("a", "b-c.d", "e")
    assert template.fill({"a": "x y", "b-c.d": True, "e": [1, None]}) == "x y/true[1, null]"


@given(texts)
def test_a_value_stays_within_its_argument(value):
    command = Command.of_arguments(["train", "--a={{ a }}", "{{ a }}", "end"])
    assert command.call({"a": value}).arguments == ["train", f"--a={value}", value, "end"]


NASTY = [
    "; rm -rf x",
    "$(touch owned)",
    "`touch owned`",
    "a b  c",
    "'",
    '"',
    "\\",
    "$HOME",
    "*",
    "a\nb",
    "--lr=3",
    "é日本",
]


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("place", ["{{ a }}", '"{{ a }}"', '--a="x{{ a }}y"', "\\'{{ a }}\\'"])
def test_a_shell_does_not_read_a_value_as_a_part_of_its_program(
    shell, place, value, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    text = f"{sys.executable} -c '{ECHO}' {place} | cat"
    call = Command.of_shell(shell, text).call({"a": value})
    expected = place.strip('"').replace('"', "").replace("\\'", "'").replace("{{ a }}", value)
    assert output(call).strip() == json.dumps([expected])
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_starts_a_shell_is_guarded_as_well():
    command = Command.of_arguments(["bash", "-ec", "echo {{ a }}", "name", "{{ a }}"])
    call = command.call({"a": "$(echo owned)"})
    assert call.arguments == ["bash", "-ec", 'echo "${BOHB_VALUE_1}"', "name", "$(echo owned)"]
    assert output(call) == "$(echo owned)\n"


@pytest.mark.parametrize(
    "before",
    [["bash", "-o", "pipefail"], ["env", "bash"], ["bash", "-euo", "pipefail"], ["sh", "-e"]],
)
def test_a_shell_with_options_is_guarded_as_well(before, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = Command.of_arguments([*before, "-c", "echo {{ a }}"])
    assert output(command.call({"a": "$(touch owned)"})) == "$(touch owned)\n"
    assert list(tmp_path.iterdir()) == []


def test_arithmetic_of_a_shell_takes_no_values():
    with pytest.raises(ArgumentError, match="must not stand within"):
        Command.of_shell("bash", "echo $(( {{ a }} + 1 ))")
    Command.of_shell("bash", "echo $(( 1 + 1 )) {{ a }}")


def test_comments_of_a_shell_may_have_quotes():
    call = Command.of_shell("sh", "# don't\necho {{ a }} x#'{{b}}'".replace("'{{b}}'", "")).call(
        {"a": 1}
    )
    assert output(call) == "1 x#\n"


def test_single_quotes_of_a_shell_take_no_values():
    with pytest.raises(ArgumentError, match=r"\{\{ a \}\} must not stand within single quotes"):
        Command.of_shell("bash", "echo '{{ a }}'")
    Command.of_shell("bash", "echo \"'{{ a }}'\" 'quoted' {{ a }}")


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts)
def test_numbers_and_texts_are_read_back_as_they_were(value):
    text = as_text(value)
    if isinstance(value, str):
        assert text == value
    else:
        assert json.loads(text) == value


def test_options_are_the_arguments_with_a_value_and_what_belongs_to_them():
    command = Command.of_arguments(
        [
            "python",
            "train.py",
            "--lr",
            "{{ lr }}",
            "--act={{ act }}",
            "-v",
            "{{ n }}",
            "--n={{ n }}",
        ]
    )
    values = {"lr": 0.1, "act": "relu", "n": 3}
    assert command.options(values, {"lr", "act"}) == ["--lr", "0.1", "--act=relu"]


def test_a_program_that_is_not_there_is_found_out(tmp_path):
    (tmp_path / "train").write_text("#!/bin/sh\n")
    (tmp_path / "train").chmod(0o755)

    def fault(*arguments):
        found = Command.of_arguments(list(arguments)).fault(tmp_path)
        if found is None:
            return None
        argument, message = found
        assert argument in arguments
        return message

    assert fault("no-such-program") == "there is no program 'no-such-program' to run"
    assert fault("./other") == "there is no program './other' to run"
    assert fault("./train") is None
    assert fault("sh", "-c", "gone.sh") is None
    assert fault("{{ python }}", "gone.py") == f"there is no 'gone.py' in {tmp_path}"
    assert fault("{{ python }}", "{{ script }}") is None
    (tmp_path / "train").chmod(0o644)
    assert "'./train' is not executable: chmod +x it" in fault("./train")
    assert "environment variables belong under env" in fault("A=1", "python")
