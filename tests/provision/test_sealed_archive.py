"""An archive is passed on piece by piece, and gets its seal at the end."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from wb_cli.provision.sealed_archive import SEAL, write_sealed

# Their sizes are near that of a block or a record. The last one ends in zeros, like an archive.
CONTENTS = {
    "empty": b"",
    "a" * 150: b"a long name",
    "block": b"x" * 512,
    "large": b"y" * 30_000,
    "zeros": b"z" + bytes(5_000),
}


def archive() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 511, 10_240, 10**6])
def test_all_members_pass_and_the_seal_holds_their_checksum(size: int) -> None:
    written: list[bytes] = []
    write_sealed(chunks(archive(), size), ["a:1"], written.append)
    sent = b"".join(written)
    assert len(sent) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
        seal = json.loads(members.pop(SEAL))
        before = tar.getmember(SEAL).offset
    assert members == CONTENTS
    assert seal == {"images": ["a:1"], "sha256": hashlib.sha256(sent[:before]).hexdigest()}


def test_the_stream_holds_back_no_more_than_one_read() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo("layer")
        member.size = 10**6
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    given, written = 0, 0
    most = 0

    def counted() -> Iterator[bytes]:
        nonlocal given, most
        for chunk in chunks(made.getvalue(), 4_096):
            given += len(chunk)
            most = max(most, given - written)
            yield chunk

    def write(piece: bytes) -> None:
        nonlocal written
        written += len(piece)

    write_sealed(counted(), [], write)
    assert most <= 4 * tarfile.RECORDSIZE


def test_input_that_is_not_an_archive_is_not_sealed() -> None:
    with pytest.raises(tarfile.TarError):
        write_sealed(iter([b"hello" * 1_000]), [], lambda _: None)
