"""What a certificate says is read from its file, also where nobody trusts it."""

import base64
import re
from datetime import UTC, datetime

import pytest
from support.web.certificates import DEMO, WILDCARD, WITHOUT_NAMES

from wb_cli.host.web.x509 import Certificate, parse_der, parse_pem


def to_der(pem: str) -> bytes:
    return base64.b64decode(re.sub("-----.*?-----", "", pem))


def test_names_issuer_and_dates_are_read() -> None:
    certificate = parse_pem(DEMO.encode())
    assert certificate.names == ("demo.example.org",)
    assert certificate.issuer == "Let's Encrypt R11"
    assert certificate.not_before == datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert certificate.not_after == datetime(2027, 1, 30, tzinfo=UTC).timestamp()
    assert certificate.lifetime_s == 90 * 86_400


def test_a_date_after_2049_is_read() -> None:
    certificate = parse_pem(WILDCARD.encode())
    assert certificate.not_after == datetime(2060, 1, 30, tzinfo=UTC).timestamp()


def test_an_issuer_whose_name_has_its_organisation_is_not_named_twice() -> None:
    assert parse_pem(WILDCARD.encode()).issuer == "Example CA"


def test_a_certificate_without_names_is_for_nobody() -> None:
    certificate = parse_pem(WITHOUT_NAMES.encode())
    assert certificate.names == ()
    assert not certificate.is_for("x")


def test_the_first_of_several_certificates_counts() -> None:
    assert parse_pem((DEMO + WILDCARD).encode()) == parse_pem(DEMO.encode())


@pytest.mark.parametrize(
    ("name", "is_covered"),
    [
        ("demo.example.org", True),
        ("example.org", False),
        ("a.demo.example.org", False),
        ("demo.example.com", False),
    ],
)
def test_a_wildcard_is_for_one_label(name: str, is_covered: bool) -> None:
    assert parse_pem(WILDCARD.encode()).is_for(name) is is_covered


def test_the_digest_is_that_of_other_tools() -> None:
    # `openssl x509 -fingerprint -sha256` says the same of a file.
    import hashlib

    assert parse_pem(DEMO.encode()).digest == hashlib.sha256(to_der(DEMO)).hexdigest()


def test_a_file_without_a_certificate_is_told() -> None:
    with pytest.raises(ValueError, match="no certificate"):
        parse_pem(b"-----BEGIN PRIVATE KEY-----")


def test_a_certificate_that_is_cut_anywhere_is_damaged_and_nothing_else() -> None:
    whole = to_der(DEMO)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="damaged"):
            parse_der(whole[:length])


def test_any_changed_byte_gives_a_certificate_or_a_damaged_one() -> None:
    whole = to_der(DEMO)
    for place in range(len(whole)):
        for byte in (0x00, 0x30, 0x7F, 0x80, 0x84, 0xFF):
            changed = whole[:place] + bytes([byte]) + whole[place + 1 :]
            try:
                assert isinstance(parse_der(changed), Certificate)
            except ValueError as error:
                assert "damaged" in str(error)  # noqa: PT017  (either end is well)


def test_damaged_base64_is_told() -> None:
    with pytest.raises(ValueError, match="damaged"):
        parse_pem(b"-----BEGIN CERTIFICATE-----\nMIIBA\n-----END CERTIFICATE-----")
