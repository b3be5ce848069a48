"""Entries as HTTP answers."""

import asyncio

import pytest
import zstandard
from starlette.requests import Request

from wb_cli.server.cache.entry import Encoding, encode
from wb_cli.server.http.problems import Problem
from wb_cli.server.http.representation import (
    choose_encoding,
    etag_of,
    has_client,
    not_modified,
    representation,
)

LARGE = {"items": [{"facility": f"f{n}", "value": n} for n in range(2000)]}
TAG = etag_of("p|o", "2026-11-22T18:00:00.000001Z", "code-1")


def request(**headers: str) -> Request:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "headers": raw})


def answer(entry, tag=TAG, **headers):
    return asyncio.run(representation(request(**headers), entry, tag))


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
    assert choose_encoding(request(accept_encoding=header), ZSTD) is expected


def test_a_plain_entry_is_compressed_only_for_a_client_that_takes_nothing_else():
    entry = encode({"a": 1}, "v1", "code-1")

    preferring = answer(entry, accept_encoding="zstd")
    refusing = answer(entry, accept_encoding="zstd, identity;q=0")

    assert preferring.body == entry.json()
    assert refusing.headers["content-encoding"] == "zstd"
    assert zstandard.ZstdDecompressor().decompress(refusing.body) == entry.json()


def test_a_client_that_takes_neither_form_gets_a_406():
    with pytest.raises(Problem) as refused:
        answer(encode(LARGE, "v1", "code-1"), accept_encoding="gzip, identity;q=0")

    assert refused.value.status == 406
    assert refused.value.headers["Vary"] == "Accept-Encoding"


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
    response = answer(encode({"a": 1}, None, "code-1"), None)

    assert "etag" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_the_tag_starts_with_the_version():
    assert TAG.startswith('W/"2026-11-22T18:00:00.000001Z~')


def test_the_tag_differs_by_thing_by_version_and_by_code():
    tags = {etag_of(*names) for names in (("a", "1", "c"), ("b", "1", "c"), ("a", "2", "c"))}

    assert len({*tags, etag_of("a", "1", "d")}) == 4


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
    assert has_client(request(if_none_match=header), TAG) is expected


def test_not_modified_has_no_body_and_says_what_is_current():
    response = not_modified(TAG)

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == TAG


def test_a_version_with_quotes_or_spaces_still_makes_a_proper_tag():
    tag = etag_of("u", 'a "b", c', "code")

    assert has_client(request(if_none_match=tag), tag)
    assert tag.count('"') == 2
