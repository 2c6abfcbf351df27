"""Write the tables of the documentation that the code knows better: run it from the top of the checkout.

Each stands in its page between `<!-- NAME-table -->` and `<!-- /NAME-table -->`. A test compares page and code.
"""

from __future__ import annotations

from pathlib import Path

from pinstall.core.policy import KEYS

DOCS = Path(__file__).parent


def settings() -> list[str]:
    """Return the table of pinstall's own settings."""
    rows = ["| Key | Values | Default | Meaning |", "|---|---|---|---|"]
    for key in KEYS:
        values = ", ".join(f"`{value}`" for value in key.values) or "a file, or `-`"
        rows.append(f"| `{key.name}` | {values} | {f'`{key.default}`' if key.default else 'none'} | {key.sentence} |")
    return rows


TABLES = {"settings": (DOCS / "reference" / "settings.md", settings)}


def written(name: str) -> str:
    """Return the page that holds a table, as it has to be."""
    page, rows = TABLES[name]
    head, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}-table -->\n")
    _, end, tail = rest.partition(f"<!-- /{name}-table -->")
    if not (start and end):
        message = f"{page} has no region for the table {name}"
        raise ValueError(message)
    return "\n".join([f"{head}{start}", *rows(), f"\n{end}{tail}"])


if __name__ == "__main__":
    for table, (path, _) in TABLES.items():
        path.write_text(written(table), encoding="utf-8")
