"""The envelope: the stored entry comes back, and other bytes are garbage."""

import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from server.cache.test_lossless import faithful

from wb_cli.server.cache.entry import (
    COMPRESS_FROM,
    Encoding,
    Entry,
    GarbageError,
    decode,
    encode,
    key,
    peek_version,
)

SMALL = {"rows": [1, 2.5, None, "é"]}
LARGE = {"rows": [{"facility": f"Facility {n}", "value": n / 7} for n in range(500)]}
names = st.text(max_size=40).filter(lambda text: text.isprintable())


@pytest.mark.parametrize("data", [SMALL, LARGE, "", None, [], {}, 0])
def test_an_entry_survives_the_wire(data: object) -> None:
    entry = encode(data, "2026-01-01", "1.0")
    assert decode(entry.wire()) == entry
    assert decode(entry.wire()).value() == data


@given(faithful, names, names)
def test_any_entry_survives_the_wire(data: object, version: str, fingerprint: str) -> None:
    entry = encode(data, version, fingerprint)
    again = decode(entry.wire())
    assert (again.version, again.fingerprint, again.body) == (version, fingerprint, entry.body)
    assert repr(again.value()) == repr(data)
    assert peek_version(entry.wire()[:1024]) == (version, fingerprint)


def test_a_small_entry_is_the_json_document_of_the_contract() -> None:
    entry = encode(SMALL, "v1", "1.0")
    assert entry.encoding is Encoding.IDENTITY
    assert list(json.loads(entry.wire()).items()) == [
        ("versionHash", "v1"),
        ("fingerprint", "1.0"),
        ("data", SMALL),
    ]


def test_a_large_entry_is_a_zstd_stream_that_any_tool_reads() -> None:
    entry = encode(LARGE, "v1", "1.0")
    assert entry.encoding is Encoding.ZSTD
    assert len(entry.wire()) < COMPRESS_FROM < len(entry.json())
    reader = zstandard.ZstdDecompressor().stream_reader(entry.wire(), read_across_frames=True)
    assert json.loads(reader.read()) == LARGE


def test_a_browser_can_decode_the_body_of_a_large_entry() -> None:
    entry = encode(LARGE, "v1", "1.0")
    assert json.loads(zstandard.ZstdDecompressor().decompress(entry.body)) == LARGE
    assert zstandard.get_frame_parameters(entry.body).window_size <= 8 * 2**20  # RFC 9659


def test_data_that_does_not_shrink_is_stored_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wb_cli.server.cache.entry.COMPRESS_FROM", 0)
    assert encode(1, "v1", "1.0").encoding is Encoding.IDENTITY


def test_a_value_is_the_callers_own() -> None:
    entry = encode(SMALL, "v1", "1.0")
    entry.value()["rows"].clear()
    assert entry.value() == SMALL


@pytest.mark.parametrize("data", [SMALL, LARGE])
@given(st.data())
def test_a_damaged_envelope_is_garbage(data: object, draw) -> None:
    wire = encode(data, "v1", "1.0").wire()
    cut = draw.draw(st.integers(0, len(wire) - 1))
    with pytest.raises(GarbageError):
        decode(wire[:cut])


@given(st.data())
def test_a_flipped_bit_in_a_compressed_body_is_garbage(draw) -> None:
    entry = encode(LARGE, "v1", "1.0")
    wire = bytearray(entry.wire())
    at = draw.draw(st.integers(len(wire) - len(entry.body), len(wire) - 1))
    wire[at] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(GarbageError):
        decode(bytes(wire))


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"garbage",
        b"{}",
        b'{"versionHash":"v1"}',
        b'{"versionHash":1,"fingerprint":"f","data":1}',
        b'{"versionHash":"v1","fingerprint":"f","data":}',
        b'{"versionHash":"v1","fingerprint":"f","data":[01]}',
        b'{"versionHash":"v1","fingerprint":"f","data":"\xff"}',
        b'{"versionHash":"v1","fingerprint":"f","data":1}x',
        b"\x50\x2a\x4d\x18\xff\xff\xff\xff{}",
        b"\x28\xb5\x2f\xfd" + b"0" * 20,
        zlib.compress(b"something else"),
    ],
)
def test_garbage_is_told_from_envelopes(wire: bytes) -> None:
    with pytest.raises(GarbageError):
        decode(wire)
    assert peek_version(wire) in (None, ("v1", "f"))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(wire: bytes) -> None:
    peek_version(wire)
    try:
        entry = decode(wire)
    except GarbageError:
        return
    assert isinstance(entry, Entry)


def test_the_key_is_that_of_the_contract() -> None:
    assert key("po_detail", "proj|po-é") == "cache:po_detail:proj|po-é".encode()
    assert key("po_detail", "\ud800")  # nonsense in a URL must be a miss and no error
