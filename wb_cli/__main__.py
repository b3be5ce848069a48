"""``python -m wb_cli``, and the ``wb`` command."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from wb_cli.cli.app import run  # noqa: PLC0415  (keeps `import wb_cli.__main__` free of Typer)

    sys.exit(run())


if __name__ == "__main__":
    main()
