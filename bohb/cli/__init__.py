"""The command line. Needs typer, rich, pydantic, PyYAML and psutil (``bohb[cli]``)."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from bohb.cli.app import app
    except KeyboardInterrupt:  # importing takes a moment
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name in ("typer", "rich", "pydantic", "yaml", "psutil"):
            sys.exit(f"bohb's command line needs {error.name}: pip install 'bohb[cli]'")
        raise
    app(prog_name="bohb")
