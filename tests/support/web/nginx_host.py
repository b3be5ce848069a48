"""A real nginx of a test's own: its folder, its ports, and the settings by which wb knows it."""

import os
import shutil
import signal
import ssl
import subprocess
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

from support.services import wait_until
from support.wb_host import free_ports

from wb_cli.host.web.nginx import list_parents

NGINX = shutil.which("nginx") or "nginx"
CONFIGURATION = """
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
    access_log off;
    gzip on;
    server_names_hash_bucket_size 128;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/enabled/*;
}}
"""
DOMAIN = "example.org"


class NginxHost:
    """nginx on loopback ports, with folders for sites. It runs after ``start``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.available, self.enabled = folder / "available", folder / "enabled"
        self.webroot = folder / "acme"
        self.http_port, self.https_port = free_ports(0), free_ports(0)
        for path in (self.available, self.enabled, self.webroot):
            path.mkdir(parents=True)
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(CONFIGURATION.format(folder=folder))
        self.command = f"{NGINX} -p {folder} -c {self.configuration}"
        self.environ: dict[str, Any] = {
            "DOMAIN": DOMAIN,
            "SITES_AVAILABLE_PATH": str(self.available),
            "SITES_ENABLED_PATH": str(self.enabled),
            "WB_NGINX_COMMAND": self.command,
            "WB_NGINX_HTTP": f"127.0.0.1:{self.http_port}",
            "WB_NGINX_HTTPS": f"127.0.0.1:{self.https_port}",
            "WB_ACME_WEBROOT": str(self.webroot),
        }

    def start(self) -> "NginxHost":
        """Start nginx, and wait until it answers."""
        subprocess.run(self.command.split(), check=True, capture_output=True)
        wait_until(lambda: self.pid is not None, "nginx")
        return self

    @property
    def pid(self) -> int | None:
        """The number of its master process; None where it does not run."""
        try:
            number = int((self.folder / "nginx.pid").read_text())
            os.kill(number, 0)
        except (OSError, ValueError):
            return None
        return number

    def stop(self) -> None:
        """End nginx, and wait until it is gone."""
        if number := self.pid:
            os.kill(number, signal.SIGTERM)
            wait_until(lambda: self.pid is None, "the end of nginx")

    def workers(self) -> list[int]:
        """The numbers of its other processes."""
        master = self.pid
        return sorted(number for number, parent in list_parents() if parent == master)

    def site(self, id_: str = "demo") -> Path:
        """The file of an instance's site."""
        return self.available / f"wb-{id_}.conf"

    def link(self, id_: str = "demo") -> Path:
        """The link that enables it."""
        return self.enabled / f"wb-{id_}.conf"

    def log(self) -> str:
        """nginx's error log."""
        path = self.folder / "error.log"
        return path.read_text() if path.exists() else ""

    def connect(self, *, secure: bool = False) -> HTTPConnection:
        """A connection to nginx."""
        if not secure:
            return HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return HTTPSConnection("127.0.0.1", self.https_port, timeout=30, context=trusting)

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        host: str = f"demo.{DOMAIN}",
        *,
        secure: bool = False,
        body: bytes | None = None,
        **headers: str,
    ) -> "Answer":
        """One request to nginx, and the whole answer."""
        connection = self.connect(secure=secure)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": host, **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()


class Answer:
    """The status, the headers and the body of an answer."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers: Any = response.headers
        self.body = response.read()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()
