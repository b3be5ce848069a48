"""A real certificate authority of a test's own: Pebble, its DNS, and certbot's folders."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import textwrap
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.services import free_port, wait_until
from support.web.nginx_host import DOMAIN

CERTBOT = shutil.which("certbot") or "certbot"
LOCALHOST = "127.0.0.1"
MAKE_CERTIFICATE = textwrap.dedent(
    """
    import datetime, ipaddress, sys
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    chain, key_file, names, begins, ends = sys.argv[1:]
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Tests"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority"),
    ])
    names = [
        x509.IPAddress(ipaddress.ip_address(each)) if each[0].isdigit() else x509.DNSName(each)
        for each in names.split(",")
    ]
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=float(begins)))
        .not_valid_after(now + datetime.timedelta(days=float(ends)))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    open(chain, "wb").write(certificate.public_bytes(pem))
    open(key_file, "wb").write(key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    """
)
RENEWAL = """\
version = 5.8.0
archive_dir = {folder}/archive/{name}
cert = {live}/cert.pem
privkey = {live}/privkey.pem
chain = {live}/chain.pem
fullchain = {live}/fullchain.pem
[renewalparams]
account = 0123456789abcdef0123456789abcdef
authenticator = webroot
server = {server}
key_type = ecdsa
renew_hook = {hook}
[[webroot_map]]
{name} = {webroot}
"""
# Writes or removes a DNS record, as the hook of a provider does.
DNS_HOOK = """\
#!/usr/bin/env python3
import json, os, urllib.request
record = {{"host": f"_acme-challenge.{{os.environ['CERTBOT_DOMAIN']}}."}}
record["value"] = os.environ["CERTBOT_VALIDATION"]
urllib.request.urlopen("{url}/{action}", json.dumps(record).encode()).close()
"""


class AcmeHost:
    """An ACME server that validates for real: over HTTP at nginx, and by its own DNS.

    All names have the address 127.0.0.1, until :meth:`lead` leads one elsewhere.
    """

    def __init__(self, folder: Path, http_port: int) -> None:
        self.folder = folder
        self.certbot = folder / "letsencrypt"
        self.logs = folder / "logs"
        folder.mkdir()
        self.port, self.dns_port, self.dns_control = free_port(), free_port(), free_port()
        self.server = f"https://{LOCALHOST}:{self.port}/dir"
        self.authority = folder / "authority.pem"
        key = folder / "authority-key.pem"
        make_certificate(self.authority, key, ["localhost", LOCALHOST])
        settings = {
            "listenAddress": f"{LOCALHOST}:{self.port}",
            "managementListenAddress": f"{LOCALHOST}:{free_port()}",
            "certificate": str(self.authority),
            "privateKey": str(key),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        self._dns: subprocess.Popen[bytes] | None = None
        self._pebble: subprocess.Popen[bytes] | None = None
        self.environ = {
            "WB_ACME_SERVER": self.server,
            "WB_ACME_CA_FILE": str(self.authority),
            "WB_ACME_EMAIL": "none",
            "WB_CERTBOT": CERTBOT,
            "WB_CERTBOT_CONFIG_DIR": str(self.certbot),
            "WB_CERTBOT_WORK_DIR": str(folder / "work"),
            "WB_CERTBOT_LOGS_DIR": str(self.logs),
        }

    def start(self) -> "AcmeHost":
        """Start the server and its DNS, and wait until both answer."""
        self._dns = self._run(
            "pebble-challtestsrv",
            *("-dns01", f"{LOCALHOST}:{self.dns_port}", "-defaultIPv6", "", "-http01", ""),
            *("-https01", "", "-tlsalpn01", "", "-management", f"{LOCALHOST}:{self.dns_control}"),
        )
        self._pebble = self._run(
            "pebble",
            *("-config", str(self.folder / "pebble.json")),
            *("-dnsserver", f"{LOCALHOST}:{self.dns_port}"),
        )
        wait_until(self._answers, "Pebble")
        return self

    def stop(self) -> None:
        """End the server and its DNS."""
        for process in (self._pebble, self._dns):
            if process:
                process.send_signal(signal.SIGTERM)
                process.wait()
        self._pebble = self._dns = None

    def _run(self, program: str, *words: str) -> "subprocess.Popen[bytes]":
        # Without these Pebble waits, and refuses good requests, by chance.
        chance = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                [program, *words], env=os.environ | chance, stdout=log, stderr=log
            )

    def _answers(self) -> bool:
        trusting = ssl.create_default_context(cafile=str(self.authority))
        try:
            urllib.request.urlopen(self.server, context=trusting, timeout=5).close()
            self.control("clear-a", host="nothing.example.org.")
        except OSError:
            return False
        return True

    def control(self, action: str, **record: Any) -> None:
        """Tell the DNS of a record."""
        url = f"http://{LOCALHOST}:{self.dns_control}/{action}"
        urllib.request.urlopen(url, json.dumps(record).encode(), timeout=5).close()

    def lead(self, name: str, address: str) -> None:
        """Lead the ACME server elsewhere for a name."""
        self.control("add-a", host=f"{name}.", addresses=[address])

    def write_dns_hook(self, action: str) -> Path:
        """Write a program that tells the DNS of a record, as a provider's hook does."""
        hook = self.folder / f"{action}.py"
        url = f"http://{LOCALHOST}:{self.dns_control}"
        hook.write_text(DNS_HOOK.format(url=url, action=action))
        hook.chmod(0o755)
        return hook

    # What certbot has

    def list_issued(self, name: str = f"demo.{DOMAIN}") -> list[Path]:
        """All certificates that certbot got under a name."""
        return sorted((self.certbot / "archive" / name).glob("cert*.pem"))

    def renew(self) -> "subprocess.CompletedProcess[str]":
        """Renew all certificates without wb, as certbot's timer does when they are due."""
        return self.run_certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")

    def run_certbot(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run certbot without wb."""
        return subprocess.run(
            [
                *(CERTBOT, *words, "--config-dir", str(self.certbot), "--non-interactive"),
                *("--work-dir", str(self.folder / "work"), "--logs-dir", str(self.logs)),
            ],
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(self.authority)},
            capture_output=True,
            text=True,
            check=False,
        )

    def put_certificate(
        self,
        *names: str,
        begins: float = -1,
        ends: float = 90,
        hook: str = "",
        server: str = "",
        lineage: str = "",
    ) -> Path:
        """Put a certificate where certbot keeps them. Give the folder of its files."""
        lineage = lineage or names[0]
        live, archive = self.certbot / "live" / lineage, self.certbot / "archive" / lineage
        for folder in (live, archive, self.certbot / "renewal"):
            folder.mkdir(parents=True, exist_ok=True)
        number = len(list(archive.glob("cert*.pem"))) + 1
        files = {
            name: archive / f"{name}{number}.pem"
            for name in ("cert", "privkey", "chain", "fullchain")
        }
        make_certificate(files["cert"], files["privkey"], list(names), begins, ends)
        files["privkey"].chmod(0o600)
        files["chain"].write_text("")
        files["fullchain"].write_bytes(files["cert"].read_bytes())
        for name, file in files.items():
            (live / f"{name}.pem").unlink(missing_ok=True)
            (live / f"{name}.pem").symlink_to(file)
        (self.certbot / "renewal" / f"{lineage}.conf").write_text(
            RENEWAL.format(
                folder=self.certbot,
                name=lineage,
                live=live,
                server=server or self.server,
                hook=hook,
                webroot=self.folder,
            )
        )
        return live


def find_python() -> str:
    """Find the Python that certbot runs on. It has what makes certificates."""
    return str(Path(CERTBOT).resolve().with_name("python3"))


def make_certificate(
    chain: Path, key: Path, names: list[str], begins: float = -1, ends: float = 90
) -> None:
    """Make a certificate that signs itself, valid from and until so many days from now.

    A name may be an address of IPv4.
    """
    subprocess.run(
        [
            *(find_python(), "-c", MAKE_CERTIFICATE, str(chain), str(key)),
            *(",".join(names), str(begins), str(ends)),
        ],
        check=True,
        capture_output=True,
    )


def resolve_here(monkeypatch: pytest.MonkeyPatch, address: str = LOCALHOST) -> None:
    """Have this process find every name of the tests' domain at an address."""
    real = socket.getaddrinfo

    def find(host: Any, *words: Any, **options: Any) -> Any:
        is_ours = isinstance(host, str) and host.endswith(f".{DOMAIN}")
        return real(address if is_ours else host, *words, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
