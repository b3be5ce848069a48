"""Pulling images from a registry in memory that fails at times."""

import pytest
from support.fake_images import FakeImages

from wb_cli.engine.types import ImageInfo
from wb_cli.errors import EngineError, NotFoundError, UsageError
from wb_cli.provision.pull import (
    ATTEMPTS,
    PullEnding,
    explain,
    is_from_registry,
    pull_all,
    pull_one,
)
from wb_cli.provision.recipes import LABEL_RECIPE

ID, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
BROKEN = EngineError("unexpected EOF")


@pytest.fixture
def images() -> FakeImages:
    return FakeImages()


def pulled(images: FakeImages, reference: str = "app:1", mirror: str = "") -> PullEnding:
    return pull_one(images, reference, lambda _: None, mirror)


@pytest.mark.parametrize(
    ("digests", "came"),
    [
        ((), False),
        ((f"demo@{OTHER}",), True),
        # An engine that keeps its images in containerd gives built ones such a digest, too.
        ((f"demo@{ID}", f"registry:5000/demo@{ID}"), False),
    ],
)
def test_only_a_digest_that_differs_from_the_id_shows_that_an_image_was_pulled(
    digests: tuple[str, ...], came: bool
) -> None:
    assert is_from_registry(ImageInfo(ID, digests)) is came


def test_an_image_is_pulled_and_then_up_to_date_until_its_tag_moves(images: FakeImages) -> None:
    images.publish("app:1")
    assert [pulled(images), pulled(images)] == [PullEnding.PULLED, PullEnding.UNCHANGED]
    images.publish("app:1")
    assert pulled(images) is PullEnding.PULLED


def test_an_image_that_a_recipe_built_is_skipped_and_no_registry_is_asked(
    images: FakeImages,
) -> None:
    images.have("app:1", **{LABEL_RECIPE: "digest"})
    assert pulled(images) is PullEnding.LOCAL
    assert images.asked == []


def test_a_local_image_that_no_registry_knows_is_skipped(images: FakeImages) -> None:
    images.have("app:1")
    assert pulled(images) is PullEnding.LOCAL


def test_an_image_that_its_registry_no_longer_knows_fails(images: FakeImages) -> None:
    images.publish("app:1")
    pulled(images)
    images.registry.clear()
    with pytest.raises(NotFoundError):
        pulled(images)


def test_a_pull_that_breaks_midway_is_tried_again_and_reported(images: FakeImages) -> None:
    images.publish("app:1", *[BROKEN] * (ATTEMPTS - 1))
    notes: list[str] = []
    ended = pull_one(images, "app:1", lambda progress: notes.append(progress.note))
    assert ended is PullEnding.PULLED
    assert [note for note in notes if note] == [
        f"try {attempt} of {ATTEMPTS}, after: unexpected EOF" for attempt in range(2, ATTEMPTS + 1)
    ]


def test_a_pull_that_breaks_each_time_fails_with_the_registry_s_words(images: FakeImages) -> None:
    images.publish("app:1", *[BROKEN] * ATTEMPTS)
    with pytest.raises(EngineError, match="unexpected EOF"):
        pulled(images)
    assert len(images.asked) == ATTEMPTS


def test_a_registry_that_did_not_begin_to_answer_is_not_asked_again(images: FakeImages) -> None:
    images.publish("app:1", EngineError("connection refused"), layers_before=0)
    with pytest.raises(EngineError, match="connection refused"):
        pulled(images)
    assert images.asked == ["app:1"]


def test_a_mirror_serves_an_image_under_its_own_name(images: FakeImages) -> None:
    images.publish("mirror:5000/app:1")
    assert pulled(images, mirror="mirror:5000/") is PullEnding.PULLED
    assert set(images.local) == {"app:1"}


def test_an_image_named_by_digest_cannot_come_from_a_mirror(images: FakeImages) -> None:
    with pytest.raises(UsageError, match="named by digest"):
        pulled(images, "app@sha256:ff", mirror="mirror:5000")


def test_an_image_that_fails_does_not_stop_the_others(images: FakeImages) -> None:
    images.publish("app:1")
    images.publish("app:3")
    ended = pull_all(images, ["app:1", "app:2", "app:3"], lambda *_: None, at_a_time=4)
    assert {result.image: result.ending for result in ended} == {
        "app:1": PullEnding.PULLED,
        "app:2": PullEnding.FAILED,
        "app:3": PullEnding.PULLED,
    }


LOOKUP = (
    'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'
)
UNREACHED = {
    LOOKUP: "the registry registry-1.docker.io cannot be reached: no such host",
    'Get "http://10.0.0.9:5000/v2/": dial tcp 10.0.0.9:5000: connect: connection refused': (
        "the registry 10.0.0.9:5000 cannot be reached: connection refused"
    ),
    'Get "https://ghcr.io/v2/": net/http: TLS handshake timeout': (
        "the registry ghcr.io cannot be reached: TLS handshake timeout"
    ),
}


@pytest.mark.parametrize("said", UNREACHED)
def test_a_registry_that_cannot_be_reached_is_named_with_the_ways_without_it(said: str) -> None:
    error = explain(EngineError(said))
    assert error.message == UNREACHED[said]
    assert "`wb images build`" in error.hint


def test_another_error_of_a_registry_keeps_its_words() -> None:
    error = explain(EngineError("manifest unknown", "a hint"))
    assert (error.message, error.hint) == ("manifest unknown", "a hint")
