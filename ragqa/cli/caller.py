"""Who gave a command, and with what it is done: a terminal, and what the process keeps loaded.

Knows how a command's settings and collection come about, not what commands do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragqa.runtime import Runtime
from ragqa.settings import Settings, load_settings
from ragqa.system.terminal import Terminal

if TYPE_CHECKING:
    from ragqa.api import Collection


@dataclass(frozen=True, slots=True)
class Caller:
    """A terminal, and the models and vectors that are loaded already."""

    terminal: Terminal
    runtime: Runtime = field(default_factory=Runtime)

    def settings(self, flags: Mapping[str, Any]) -> Settings:
        """The settings in force, with these flags; None means not given."""
        return load_settings(flags, self.terminal.environment, self.terminal.directory)

    def collection(self, settings: Settings, docs: Path | None = None) -> Collection:
        """The collection that the settings name, or a folder of --docs."""
        from ragqa.api import Collection

        return Collection(
            settings, self.runtime, docs, self.terminal.progress, self._tell_of_preparing
        )

    def _tell_of_preparing(self) -> None:
        """Whoever looks on would wonder; a script is told nothing."""
        if self.terminal.err_moves:
            self.terminal.say(
                "making the reader's weights ready for this processor, once: some ten seconds"
            )
