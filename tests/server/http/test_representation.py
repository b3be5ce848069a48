"""Entries as HTTP answers."""

import asyncio

import pytest
import zstandard
from starlette.requests import Request

from wb_cli.server.cache.entry import Encoding, encode
from wb_cli.server.http.representation import (
    Asked,
    choose_encoding,
    etag_of,
    has_client,
    not_acceptable,
    represent,
)

LARGE = {"items": [{"facility": f"f{n}", "value": n} for n in range(2000)]}
TAG = etag_of(encode(LARGE, "v1", "code-1"))


def answer(entry, accept_encoding="", if_none_match=""):
    representation = asyncio.run(represent(entry, Asked(accept_encoding, if_none_match)))
    assert representation is not None
    return representation.response()


ZSTD, PLAIN, NEITHER = Encoding.ZSTD, Encoding.IDENTITY, None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", PLAIN),
        ("gzip, br", PLAIN),
        ("gzip, zstd", ZSTD),
        ("ZSTD", ZSTD),
        ("zstd;q=0", PLAIN),
        ("zstd; q=0.001", ZSTD),
        ("zstd;q=nonsense", PLAIN),
        ("*", ZSTD),
        ("zstd;q=0, *", PLAIN),
        ("identity", PLAIN),
        ("identity;q=1, zstd;q=0.1", PLAIN),
        ("identity;q=0.5, zstd;q=0.5", ZSTD),
        ("zstd;q=0.5, *;q=0.6", PLAIN),
        ("zstd, identity;q=0", ZSTD),
        ("gzip, identity;q=0", NEITHER),
        ("*;q=0", NEITHER),
        ("identity;q=0, *", ZSTD),
    ],
)
def test_the_client_gets_the_encoding_that_it_prefers(header, expected):
    assert choose_encoding(header, ZSTD) is expected


def test_a_plain_entry_is_compressed_only_for_a_client_that_takes_nothing_else():
    entry = encode({"a": 1}, "v1", "code-1")

    preferring = answer(entry, accept_encoding="zstd")
    refusing = answer(entry, accept_encoding="zstd, identity;q=0")

    assert preferring.body == entry.json()
    assert refusing.headers["content-encoding"] == "zstd"
    assert zstandard.ZstdDecompressor().decompress(refusing.body) == entry.json()


def test_a_client_that_takes_neither_form_gets_a_406():
    asked = Asked("gzip, identity;q=0", "")

    assert asyncio.run(represent(encode(LARGE, "v1", "code-1"), asked)) is None
    assert not_acceptable().status == 406
    assert not_acceptable().headers["Vary"] == "Accept-Encoding"


def test_stored_bytes_leave_as_they_are():
    entry = encode(LARGE, "v1", "code-1")

    response = answer(entry, accept_encoding="gzip, zstd")

    assert entry.encoding is Encoding.ZSTD
    assert response.body is entry.body
    assert response.headers["content-encoding"] == "zstd"
    assert zstandard.ZstdDecompressor().decompress(response.body) == entry.json()


def test_a_client_without_zstd_gets_plain_json_under_the_same_tag():
    entry = encode(LARGE, "v1", "code-1")

    response = answer(entry, accept_encoding="gzip")

    assert response.body == entry.json()
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"] == TAG


def test_unsettled_data_has_no_tag_and_may_not_be_kept():
    response = answer(encode({"a": 1}, None, "code-1"), if_none_match="*")

    assert response.status_code == 200
    assert "etag" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_the_same_data_has_one_tag_under_every_version_and_release():
    tags = {etag_of(encode(LARGE, *names)) for names in (("1", "c"), ("2", "c"), ("2", "d"))}

    assert tags == {TAG}


def test_other_data_has_another_tag():
    assert etag_of(encode({"a": 1}, "v1", "c")) != etag_of(encode({"a": 2}, "v1", "c"))


def test_a_header_may_stand_on_several_lines():
    lines = [("accept-encoding", "gzip"), ("accept-encoding", "zstd"), ("if-none-match", TAG)]
    raw = [(name.encode(), value.encode()) for name, value in lines]

    assert Asked.by(Request({"type": "http", "headers": raw})) == Asked("gzip,zstd", TAG)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (TAG, True),
        (TAG.removeprefix("W/"), True),
        (f'"x", {TAG}', True),
        ("*", True),
        ('"x"', False),
        (TAG.strip('W/"'), False),
        ("", False),
    ],
)
def test_a_client_has_the_tags_that_it_names(header, expected):
    assert has_client(header, TAG) is expected


def test_not_modified_has_no_body_and_says_what_is_current():
    response = answer(encode(LARGE, "v2", "code-1"), if_none_match=TAG)

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == TAG
    assert "content-length" not in response.headers
