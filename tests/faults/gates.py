"""The gate of a platform of the kind `gate`: the platform becomes ready when its gate is open."""

from support.wb_host import Host


def open_gate(host: Host, id_: str) -> None:
    host.folder(id_).joinpath("sandbox", "go").touch()


def shut_gate(host: Host, id_: str) -> None:
    host.folder(id_).joinpath("sandbox", "go").unlink(missing_ok=True)
