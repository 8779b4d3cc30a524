"""The checkpoint directories of trials, below one root for each study."""

from __future__ import annotations

import shutil
import tempfile
import urllib.parse
import uuid
import weakref
from pathlib import Path

from optuna.storages import InMemoryStorage

from bohb.store.ledger import CHECKPOINT_ROOT, Ledger

DEFAULT_ROOT = "bohb-checkpoints"  # in the working directory, for all studies together


def trial_directory(root: Path, number: int) -> Path:
    """Return the directory of a trial below the root of its study, whether it exists or not."""
    return root / f"trial-{number:05d}"


class Checkpoints:
    """The directory that holds the checkpoint directories of one study's trials.

    It is made when it is first asked for, and its path is kept in the study. A study in memory has
    a temporary one, which is removed with this object.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # The path is made absolute now, as an objective may change the working directory.
        self._default = Path(DEFAULT_ROOT).absolute()
        self._root: Path | None = None

    @property
    def root(self) -> Path:
        """The directory, absolute."""
        if self._root is None:
            self._root = self.placed or self._begin()
        return self._root

    @property
    def placed(self) -> Path | None:
        """The directory that is stored in the study; None if nobody has asked for it yet."""
        stored = self._ledger.read(CHECKPOINT_ROOT)
        return None if stored is None else Path(stored)

    def place(self, root: str | Path) -> None:
        """Let the checkpoints lie in `root` itself from now on."""
        self._root = Path(root).absolute()
        self._ledger.write(CHECKPOINT_ROOT, str(self._root))

    def place_under(self, directory: str | Path) -> None:
        """Let the checkpoints lie in a directory of the study's own, under `directory`.

        A study that has one already keeps its name, so that it can be moved.
        """
        # The name alone is not enough: a deleted study of the same name may have left checkpoints.
        name = urllib.parse.quote(self._ledger.study_name, safe=" ")
        own = f"{name}-{uuid.uuid4().hex[:8]}" if self.placed is None else self.placed.name
        self.place(Path(directory) / own)

    def _begin(self) -> Path:
        if isinstance(self._ledger.storage, InMemoryStorage):
            temporary = Path(tempfile.mkdtemp(prefix="bohb-"))
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            return temporary
        self.place_under(self._default)
        return self.root
