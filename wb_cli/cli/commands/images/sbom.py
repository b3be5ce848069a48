"""wb images sbom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import PIPE
from wb_cli.errors import UsageError


def sbom(
    ctx: typer.Context,
    image: Annotated[
        str,
        typer.Argument(
            metavar="[postgres|valkey|platform|restic|IMAGE]",
            help="Which image: that of a recipe, or one by its name.",
        ),
    ] = "platform",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it there.", show_default=False),
    ] = None,
) -> None:
    """List what an image is made of.

    The answer is a bill of materials in CycloneDX 1.6 (JSON): each package of Debian and of Python,
    with its version, and its licence where the package names one. Two bills of one image differ in
    their timestamp alone.

    Examples:
        wb images sbom
        wb images sbom postgres -o postgres.cdx.json
        wb images sbom wb-platform:0.2.0
    """
    from wb_cli.instances.files import write_atomically
    from wb_cli.lifecycle.guard.interrupts import interruptible
    from wb_cli.provision.sbom.make import make_bill

    wb = get_wb(ctx)
    output = None if output == PIPE else output
    if output and (output.is_dir() or not output.parent.is_dir()):
        raise UsageError(f"--output {output} is no file in a folder that is there")
    with interruptible(lambda _: wb.console.note("ending")) as cancelled:
        bill = make_bill(wb.engine, image, wb.settings.labels, cancelled)
    text = json.dumps(bill, indent=2, ensure_ascii=False)
    if output:
        write_atomically(output, f"{text}\n".encode())
        wb.console.note(f"wrote {output}: {len(bill['components'])} packages")
    else:
        wb.console.write_line(text)
