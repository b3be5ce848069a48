"""The README's table of commands: made from the same source as `wb --help`."""

from pathlib import Path

import typer

from wb_cli.cli.app import app
from wb_cli.cli.words.help_texts import summarise
from wb_cli.cli.words.manual import describe_usage, list_commands

README = Path(__file__).parent.parent.parent / "README.md"
BEGIN = "<!-- The table of commands, which `make docs` writes. -->\n"
END = "\n<!-- The end of the table. -->"


def put_table_into(text: str) -> str:
    """Put the table as it should be between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{make_table()}{END}{after}"


def make_table() -> str:
    """A row for each command: how it is typed, and what it does."""
    lines = ["| command | what it does |", "| --- | --- |"]
    for _, words, command in list_commands(typer.main.get_command(app)):
        usage = describe_usage(words, command).replace("|", "\\|")
        lines.append(f"| `{usage}` | {summarise(command)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    README.write_text(put_table_into(README.read_text()))
