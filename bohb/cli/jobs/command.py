"""The command of a job: arguments with places for values, which are filled for each run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from bohb.errors import ArgumentError

SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
# The values that every command may name, beside the parameters and the resource of its job.
GENERAL = ("trial", "resource", "previous_resource", "checkpoint_dir", "params_file", "python")

# The endings of scripts: such a file, as the first argument of an interpreter, must exist.
_SCRIPTS = (".py", ".sh", ".r", ".jl", ".js", ".rb", ".pl", ".lua")
# The options of a shell that make it run a text, as -c does, or that take the next argument.
_RUNS_TEXT = re.compile(r"-[a-zA-Z]*c[a-zA-Z]*")
_TAKES_WORD = re.compile(r"[-+][a-zA-Z]*[oO][a-zA-Z]*|--rcfile|--init-file")

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def as_text(value: Any) -> str:
    """Return `value` as an argument of a command: a string as it is, anything else as JSON.

    Examples
    --------
    >>> [as_text(value) for value in ("a b", 3, 1e-05, True, None, [1, 2])]
    ['a b', '3', '1e-05', 'true', 'null', '[1, 2]']
    """
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for values.

    Examples
    --------
    >>> template = Template.parse("--lr={{ lr }}")
    >>> template.names, template.fill({"lr": 0.1})
    (('lr',), '--lr=0.1')
    """

    parts: tuple[str, ...]  # text and names in turn: text, name, text, name, ..., text

    @classmethod
    def parse(cls, text: str) -> Template:
        """Return the template that is written as `text`.

        Raises
        ------
        ArgumentError
            If anything but a name stands between the braces, or they are not closed.
        """
        parts = _PLACE.split(text)
        for name in parts[1::2]:
            if not _NAME.fullmatch(name.strip()):
                raise ArgumentError(
                    f"{{{{{name}}}}} must be the name of one value, as in {{{{ lr }}}}: nothing is "
                    "computed here"
                )
        for part in parts[::2]:
            if "{{" in part:
                raise ArgumentError(f"{{{{ must be closed by }}}}, got {text!r}")
        stripped = (part.strip() if index % 2 else part for index, part in enumerate(parts))
        return cls(tuple(stripped))

    @property
    def names(self) -> tuple[str, ...]:
        """The names between the braces, in their order."""
        return self.parts[1::2]

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with the values of its names."""
        return "".join(
            as_text(values[part]) if index % 2 else part for index, part in enumerate(self.parts)
        )


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command as it is run: its arguments, and the environment variables that they use."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command with places for values.

    It is run as a list of arguments, without a shell, so that a value is always a part of one
    argument, whatever characters it has. If the author asks for a shell, the shell gets the values
    as environment variables, so that it never reads a value as a part of its program.

    Examples
    --------
    >>> command = Command.of_arguments(["train", "--lr={{ lr }}"])
    >>> command.call({"lr": "0.1; rm -rf /"}).arguments
    ['train', '--lr=0.1; rm -rf /']
    >>> Command.of_shell("bash", "train {{ lr }} | tee log").call({"lr": 0.1})
    CommandLine(arguments=['bash', '-c', 'train "${BOHB_VALUE_1}" | tee log'],
         environment={'BOHB_VALUE_1': '0.1'})
    """

    arguments: tuple[Template, ...]
    program: int | None = None  # the argument that a shell reads as its program

    @classmethod
    def of_arguments(cls, texts: list[str]) -> Command:
        """Return the command of these arguments.

        Raises
        ------
        ArgumentError
            If a text is not a template, or names a value within quotes of a shell.
        """
        command = cls(tuple(map(Template.parse, texts)), _program_of(texts))
        if command.program is not None:
            _with_variables(command.arguments[command.program])
        return command

    @classmethod
    def of_shell(cls, shell: str, text: str) -> Command:
        """Return the command that lets a shell run `text`."""
        return cls.of_arguments([shell, "-c", text])

    @classmethod
    def of_text(cls, name: str, text: str) -> Command:
        """Return the command in `text`, split into arguments as a shell would split it.

        Raises
        ------
        ArgumentError
            If `text` cannot be split, or needs a shell; the message calls the text `name`.
        """
        parts = Template.parse(text).parts
        # Without blanks within its braces, a name stays in one argument.
        kept = "".join(f"{{{{{part}}}}}" if index % 2 else part for index, part in enumerate(parts))
        try:
            texts = shlex.split(kept)
        except ValueError as error:
            raise ArgumentError(f"{name} cannot be split into arguments: {error}") from error
        for part in texts:
            if part in ("|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"):
                raise ArgumentError(
                    f"{name} is run without a shell, which {part!r} would need: ask for one with "
                    "shell: bash"
                )
        return cls.of_arguments(texts)

    @property
    def names(self) -> set[str]:
        """All values that the command names."""
        return {name for argument in self.arguments for name in argument.names}

    @property
    def text(self) -> str:
        """The command as its author wrote it, with its places for values."""
        filled = ({name: f"{{{{ {name} }}}}" for name in a.names} for a in self.arguments)
        return " ".join(a.fill(names) for a, names in zip(self.arguments, filled, strict=True))

    @property
    def named_outside_of_shells(self) -> set[str]:
        """The values that the command names in its arguments, except in the program of a shell."""
        outside = [a for index, a in enumerate(self.arguments) if index != self.program]
        return {name for argument in outside for name in argument.names}

    def call(self, values: Mapping[str, Any]) -> CommandLine:
        """Return the command with `values`, which must have a value for each of its names."""
        texts = [argument.fill(values) for argument in self.arguments]
        if self.program is None:
            return CommandLine(texts)
        template = self.arguments[self.program]
        texts[self.program] = _with_variables(template)
        variables = {
            f"BOHB_VALUE_{count}": as_text(values[name])
            for count, name in enumerate(template.names, start=1)
        }
        return CommandLine(texts, variables)

    def options(self, values: Mapping[str, Any], names: Collection[str]) -> list[str]:
        """Return the arguments that name one of `names`, each after the option it belongs to."""
        found: list[str] = []
        for index, argument in enumerate(self.arguments):
            if index == self.program or not set(argument.names) & set(names):
                continue
            before = self.arguments[index - 1] if index else None
            if before is not None and not before.names and argument.parts[0] == "":
                option = before.fill({})
                if option.startswith("-") and "=" not in option:
                    found.append(option)
            found.append(argument.fill(values))
        return found

    def fault(self, directory: Path) -> tuple[str, str] | None:
        """Return the argument that keeps the command from being run in `directory`, and why.

        None stands for a command that nothing speaks against.
        """
        name = self._plain(0)
        if name is not None:
            path = str(directory / name) if PurePath(name).name != name else name
            if shutil.which(path) is None:
                return name, _why_not(name, Path(path))
        script = self._plain(1)
        is_script = script is not None and PurePath(script).suffix.lower() in _SCRIPTS
        if script is not None and is_script and not (directory / script).exists():
            return script, f"there is no {script!r} in {directory}"
        return None

    def _plain(self, index: int) -> str | None:
        """Return an argument; None if there is no such argument, or it names a value."""
        if index >= len(self.arguments) or self.arguments[index].names:
            return None
        return self.arguments[index].fill({})


def _why_not(name: str, path: Path) -> str:
    """Return a message that says why the program `name` cannot be run."""
    if path.is_file():
        return f"{name!r} is not executable: chmod +x it, or name what runs it before it"
    if "=" in name:
        return f"there is no program {name!r} to run: environment variables belong under env"
    hint = ": {{ python }} is the Python that runs bohb" if "python" in name else ""
    return f"there is no program {name!r} to run{hint}"


def _program_of(texts: list[str]) -> int | None:
    """Return the index of the argument that a shell reads as its program; None without one."""
    shells = [index for index, text in enumerate(texts) if PurePath(text).name in SHELLS]
    for shell in shells:
        runs_text = False
        rest = iter(range(shell + 1, len(texts)))
        for index in rest:
            option = texts[index]
            if option[:1] not in ("-", "+"):
                if runs_text:
                    return index
                break
            runs_text = runs_text or _RUNS_TEXT.fullmatch(option) is not None
            if _TAKES_WORD.fullmatch(option):
                next(rest, None)
    return None


def _with_variables(template: Template) -> str:
    """Return a program of a shell that has a variable in place of each value.

    A variable within double quotes stays as it is, and any other gets double quotes of its own.

    Raises
    ------
    ArgumentError
        If a value stands where a variable would not be replaced, or not be safe.
    """
    written, quote = [], ""
    for index, part in enumerate(template.parts):
        if index % 2 == 0:
            written.append(part)
            quote = _quote_after(part, quote)
            continue
        before = "".join(written)
        if before.rfind("((") > before.rfind("))"):
            raise ArgumentError(
                f"{{{{ {part} }}}} must not stand within $(( )), where a shell reads a value as a "
                "part of its program: assign it to a variable and check it before"
            )
        if quote == "'":
            raise ArgumentError(
                f"{{{{ {part} }}}} must not stand within single quotes, where a shell replaces "
                "nothing: leave out the quotes, or use double ones"
            )
        variable = f"${{BOHB_VALUE_{index // 2 + 1}}}"
        written.append(variable if quote else f'"{variable}"')
    return "".join(written)


def _quote_after(text: str, quote: str) -> str:
    """Return the quote that is open in a shell after `text`; `quote` was open before it.

    An empty string stands for no quote.
    """
    is_escaped = is_comment = False
    before = " "
    for character in text:
        if is_comment:
            is_comment = character != "\n"
        elif is_escaped:
            is_escaped = False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif character == "#" and not quote and before.isspace():
            is_comment = True
        elif character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        before = character
    return quote
