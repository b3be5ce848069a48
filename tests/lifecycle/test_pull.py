"""What is known of where an image came from."""

import pytest

from wb_cli.engine.types import ImageInfo
from wb_cli.lifecycle.pull import came_from_a_registry

ID, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


@pytest.mark.parametrize(
    ("digests", "came"),
    [
        ((), False),
        ((f"demo@{OTHER}",), True),
        # As an engine tells it that keeps its images in containerd, of built ones too.
        ((f"demo@{ID}", f"registry:5000/demo@{ID}"), False),
    ],
)
def test_only_another_digest_than_its_id_says_that_an_image_was_pulled(
    digests: tuple[str, ...], came: bool
) -> None:
    assert came_from_a_registry(ImageInfo(ID, ("demo:1",), 1, digests)) is came
