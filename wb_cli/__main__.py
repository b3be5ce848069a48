"""``python -m wb_cli``, and the ``wb`` command."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from wb_cli.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
