"""docs/earlier-systems.md as it stands, and what every part of it is written with."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "earlier-systems.md"
IMAGES = ROOT / "docs" / "images"
NOT_RUN = "Not run yet."


class Page(dict[str, str]):
    """What a page says under each heading of the second and third level, the heading left out."""

    @classmethod
    def read(cls) -> "Page":
        """Read the page as it stands."""
        parts = (
            re.split(r"^(##+ .*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
            if PAGE.exists()
            else [""]
        )
        found = cls(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
        found[""] = parts[0].strip()
        return found

    def under(self, heading: str) -> str:
        """Return what stands there, or that it was not run yet."""
        return NOT_RUN if self.lacks(heading) else self[heading]

    def lacks(self, heading: str) -> bool:
        """Whether nothing stands there that came from a run."""
        return self.get(heading, NOT_RUN).endswith(NOT_RUN)


def kept_picture(file: Path, name: str, words: str) -> str:
    """Keep a picture and return the line that shows it; where there is no file, the one that was kept before."""
    if file.exists():
        shutil.copyfile(file, IMAGES / f"{name}.png")
    elif not (IMAGES / f"{name}.png").exists():
        return f"({words}: no picture yet)"
    return f"![{words}](images/{name}.png)"


def shown(command: str) -> str:
    """Return a command as it is shown."""
    return f"```console\n$ {command}\n```"
