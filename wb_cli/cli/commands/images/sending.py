"""wb images send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.images.choice import Wanted, choose_images
from wb_cli.cli.commands.images.results import ShownImage, choose_exit_code, show_errors
from wb_cli.cli.console import make_error_document
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import name_host
from wb_cli.cli.options import DryRun, Json
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.cli.show.tables import StateCell
from wb_cli.provision.sending.plan import Step
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.provision.sending.send import Sent

Host = Annotated[
    str,
    typer.Argument(
        metavar="HOST",
        help="A machine as ssh knows it, a URL as for --host, or a Docker context.",
        show_default=False,
    ),
]


def send(
    ctx: typer.Context,
    host: Host,
    wanted: Wanted = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Send images to another host's engine.

    Only what is missing there is sent: images, and of an image the layers. They go over the
    connection that wb works over, compressed, and are checked after they have arrived. What has
    arrived stays if the connection breaks or Ctrl-C comes. The same command goes on.

    Examples:
        wb images send root@far
        wb images send far demo --dry-run
        wb images send ssh://root@far:2222 wb-platform:0.2.0
    """
    del as_json
    from wb_cli.provision.sending.send import Sender

    wb = get_wb(ctx)
    there = wb.at(name_host(host)).images
    references = choose_images(wb, wanted)
    outcomes: list[Sent] = []
    with wb.console.tasks(len(references)) as tasks:
        sender = Sender(wb.images, there, tasks.update)
        for sent in sender.send_all(references, dry_run=dry_run):
            tasks.finish(sent.reference, _describe(sent, dry_run=dry_run), ok=not sent.error)
            outcomes.append(sent)
    _show(wb, host, outcomes, dry_run=dry_run)
    rows = [_make_row(sent, dry_run=dry_run) for sent in outcomes]
    return name_refused(wb.console, wb.registry.refused, choose_exit_code(rows))


def _show(wb: Wb, host: str, outcomes: Sequence[Sent], *, dry_run: bool) -> None:
    if wb.console.as_json:
        wb.console.write_json(
            {
                "host": host,
                "dryRun": dry_run,
                "images": [_make_document(sent, dry_run=dry_run) for sent in outcomes],
                "bytes": sum(sent.bytes for sent in outcomes),
                "refused": make_documents(wb.registry.refused),
            }
        )
        return
    rows = [_make_row(sent, dry_run=dry_run) for sent in outcomes]
    wb.console.show_table(
        ("IMAGE", "RESULT", "LAYERS", "SIZE", "SENT"),
        [
            (row.image, StateCell(row.text), *_describe_amounts(sent))
            for row, sent in zip(rows, outcomes, strict=True)
        ],
    )
    show_errors(wb.console, rows)
    wb.console.write_line(_sum_up(host, outcomes, dry_run=dry_run))


def _make_row(sent: Sent, *, dry_run: bool) -> ShownImage:
    text = _describe(sent, dry_run=dry_run)
    return ShownImage(sent.reference, text, text, sent.error)


def _describe(sent: Sent, *, dry_run: bool) -> str:
    if sent.error or not sent.plan:
        return "failed"
    step = sent.plan.step
    return f"to be {step}" if dry_run and step is not Step.NOTHING else str(step)


def _describe_amounts(sent: Sent) -> tuple[str, str, str]:
    if not sent.plan or sent.plan.step is not Step.SEND:
        return "", "", ""
    layers = f"{len(sent.plan.layers)} of {len(set(sent.plan.content.layers))}"
    sizes = (describe_size(size) if size else "" for size in (sent.unpacked, sent.bytes))
    return layers, *sizes  # type: ignore[return-value]


def _sum_up(host: str, outcomes: Sequence[Sent], *, dry_run: bool) -> str:
    size = sum(sent.unpacked for sent in outcomes)
    if not size:
        return f"{host} lacks nothing of these." if not any(s.error for s in outcomes) else ""
    if dry_run:
        return f"{describe_size(size)} would be sent to {host}, compressed; nothing was changed."
    on_wire = sum(sent.bytes for sent in outcomes)
    return f"{describe_size(size)} sent to {host} as {describe_size(on_wire)}, compressed."


def _make_document(sent: Sent, *, dry_run: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "image": sent.reference,
        "result": _describe(sent, dry_run=dry_run),
        "unpackedBytes": sent.unpacked,
        "bytes": sent.bytes,
    }
    if sent.plan:
        document |= {
            "layers": len(set(sent.plan.content.layers)),
            "missingLayers": len(sent.plan.layers),
        }
    return document | {"error": make_error_document(sent.error)} if sent.error else document
