"""Read what a certificate says: its names, its issuer and its dates. Pure.

Python's ``ssl`` tells this only of certificates that it trusts. wb also looks at expired ones, and
at those of test servers, so it reads the fields itself. They stand in DER (X.690), as RFC 5280
orders them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
UTC_TIME, OID = 0x17, 0x06
VERSION, EXTENSIONS, DNS_NAME = 0xA0, 0xA3, 0x82
COMMON_NAME, ORGANISATION, OTHER_NAMES = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x1d\x11"
LONG_LENGTH = 0x80
TIME_FORMATS = {True: "%y%m%d%H%M%SZ", False: "%Y%m%d%H%M%SZ"}


class Certificate(Struct, frozen=True):
    """What a certificate says. Times are in seconds since the epoch.

    ``digest`` is the SHA-256 of the certificate, which tells it from every other one.
    """

    names: tuple[str, ...]
    issuer: str
    not_before: float
    not_after: float
    digest: str

    def is_for(self, domain_name: str) -> bool:
        """Whether a browser accepts it for a domain name. A wildcard stands for one label."""
        _, _, parent = domain_name.partition(".")
        return domain_name in self.names or f"*.{parent}" in self.names

    @property
    def lifetime_s(self) -> float:
        """How long it is valid in all."""
        return self.not_after - self.not_before


class _Element(NamedTuple):
    tag: int
    content: bytes


def parse_pem(text: bytes) -> Certificate:
    """Read the first certificate of a PEM file.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    found = PEM.search(text)
    if not found:
        raise ValueError("there is no certificate in it")
    try:
        return parse_der(base64.b64decode(found[1], validate=False))
    except binascii.Error:
        raise ValueError("its certificate is damaged") from None


def parse_der(data: bytes) -> Certificate:
    """Read a certificate in DER.

    Raises:
        ValueError: it is damaged.
    """
    try:
        (certificate,) = _list_elements(data)
        to_be_signed = next(_list_elements(certificate.content))
        fields = [field for field in _list_elements(to_be_signed.content) if field.tag != VERSION]
        _serial, _algorithm, issuer, validity = fields[:4]
        not_before, not_after = map(_read_time, _list_elements(validity.content))
        extensions = next((field for field in fields if field.tag == EXTENSIONS), None)
        names = tuple(_list_names(extensions.content)) if extensions else ()
        issued_by = _describe_issuer(issuer.content)
    except (ValueError, IndexError, StopIteration):
        raise ValueError("its certificate is damaged") from None
    digest = hashlib.sha256(data).hexdigest()
    return Certificate(names, issued_by, not_before, not_after, digest)


def _list_elements(data: bytes) -> Iterator[_Element]:
    """List the elements that stand one after the other in DER."""
    place = 0
    while place < len(data):
        tag, length, place = data[place], data[place + 1], place + 2
        if length & LONG_LENGTH:
            size = length & ~LONG_LENGTH
            length, place = int.from_bytes(data[place : place + size], "big"), place + size
        if place + length > len(data):
            raise ValueError("it is cut")
        yield _Element(tag, data[place : place + length])
        place += length


def _read_time(element: _Element) -> float:
    text = element.content.decode("ascii")
    moment = datetime.strptime(text, TIME_FORMATS[element.tag == UTC_TIME]).replace(tzinfo=UTC)
    return moment.timestamp()


def _describe_issuer(content: bytes) -> str:
    """Give the issuer's organisation and name, as ``Let's Encrypt R11``."""
    found = {}
    for relative_name in _list_elements(content):
        for pair in _list_elements(relative_name.content):
            kind, value = _list_elements(pair.content)
            found[kind.content] = value.content.decode(errors="replace")
    organisation, name = found.get(ORGANISATION, ""), found.get(COMMON_NAME, "")
    return " ".join(filter(None, [organisation if organisation not in name else "", name]))


def _list_names(content: bytes) -> Iterator[str]:
    """List the DNS names among the other names of the subject."""
    (extensions,) = _list_elements(content)
    for extension in _list_elements(extensions.content):
        kind, *_, value = _list_elements(extension.content)
        if kind == _Element(OID, OTHER_NAMES):
            (names,) = _list_elements(value.content)
            for name in _list_elements(names.content):
                if name.tag == DNS_NAME:
                    yield name.content.decode("ascii").lower()
