"""What another engine lacks is sent to it, and nothing else."""

import signal
from collections.abc import Generator, Iterable, Sequence

import pytest
from support.fake_images import FakeImages

from wb_cli.errors import EngineError, EngineUnreachableError, ImageMissingError, WbError
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError
from wb_cli.provision.sending.plan import Step
from wb_cli.provision.sending.send import Sender, Sent


@pytest.fixture
def here() -> FakeImages:
    images = FakeImages()
    images.have_layers("postgres:1", "base", "postgres")
    images.have_layers("valkey:1", "base", "valkey")
    return images


@pytest.fixture
def there() -> FakeImages:
    return FakeImages()


def send(
    here: FakeImages, there: FakeImages, *references: str, dry_run: bool = False
) -> list[Sent]:
    sender = Sender(here, there, lambda *_: None)
    return list(sender.send_all(references, dry_run=dry_run))


def steps(outcomes: list[Sent]) -> list[Step | None]:
    return [sent.plan.step if sent.plan else None for sent in outcomes]


def test_a_host_without_images_gets_each_shared_layer_once(
    here: FakeImages, there: FakeImages
) -> None:
    outcomes = send(here, there, "postgres:1", "valkey:1")
    assert steps(outcomes) == [Step.SEND, Step.SEND]
    assert there.loaded_layers == ["base", "postgres", "valkey"]
    assert there.local.keys() == here.local.keys()
    assert all(sent.bytes for sent in outcomes)


def test_what_is_there_is_not_sent(here: FakeImages, there: FakeImages) -> None:
    send(here, there, "postgres:1")
    there.loaded_layers.clear()
    (outcome,) = send(here, there, "postgres:1")
    assert outcome.plan
    assert (outcome.plan.step, outcome.bytes) == (Step.NOTHING, 0)
    assert there.loaded_layers == []


def test_a_new_build_sends_its_changed_layers_and_those_above(
    here: FakeImages, there: FakeImages
) -> None:
    here.have_layers("demo:1", "base", "code", "settings")
    send(here, there, "demo:1")
    there.loaded_layers.clear()
    here.have_layers("demo:1", "base", "new code", "settings")
    (outcome,) = send(here, there, "demo:1")
    assert outcome.plan
    assert outcome.plan.layers == {"new code", "settings"}
    assert there.loaded_layers == ["new code", "settings"]
    assert there.read_content("demo:1") == here.read_content("demo:1")


def test_an_image_that_is_there_under_another_name_gets_its_name(
    here: FakeImages, there: FakeImages
) -> None:
    there.local["old:1"] = here.local["postgres:1"]
    assert steps(send(here, there, "postgres:1")) == [Step.NAME]
    assert there.loaded_layers == []
    assert there.find("postgres:1") == here.find("postgres:1")


@pytest.mark.parametrize("name", ["postgres:1", "old:1"])
def test_a_dry_run_changes_nothing(here: FakeImages, there: FakeImages, name: str) -> None:
    there.local["old:1"] = here.local["valkey:1"]
    before = dict(there.local)
    here.local["old:1"] = here.local["valkey:1"]
    outcomes = send(here, there, "valkey:1", "postgres:1", name, dry_run=True)
    assert steps(outcomes)[:2] == [Step.NAME, Step.SEND]
    assert outcomes[1].unpacked > 0
    assert there.local == before


def test_an_engine_that_wants_whole_images_gets_them(here: FakeImages, there: FakeImages) -> None:
    there.completes_images = False
    send(here, there, "postgres:1", "valkey:1")
    assert there.loaded_layers == ["base", "postgres", "base", "valkey"]


def test_a_layer_that_was_removed_meanwhile_is_sent_after_all(here: FakeImages) -> None:
    class Losing(FakeImages):
        """Loses its images when it is first asked to load."""

        def load(self, archive: Iterable[bytes]) -> None:
            self.local.pop("postgres:1", None)
            super().load(archive)

    losing = Losing()
    losing.local["postgres:1"] = here.local["postgres:1"]
    (outcome,) = send(here, losing, "valkey:1")
    assert outcome.error is None
    assert losing.loaded_layers == ["base", "valkey"]


def test_an_image_that_fails_leaves_the_others_alone(here: FakeImages, there: FakeImages) -> None:
    missing, sent = send(here, there, "nowhere:1", "valkey:1")
    assert isinstance(missing.error, ImageMissingError)
    assert sent.error is None
    assert there.find("valkey:1")


def test_an_image_for_another_processor_is_not_sent(here: FakeImages, there: FakeImages) -> None:
    there.architecture = "arm64"
    (outcome,) = send(here, there, "valkey:1")
    assert outcome.error
    assert outcome.error.message == "valkey:1 is for amd64, and that machine is arm64"
    assert there.loaded_layers == []


def test_an_image_that_arrives_as_another_is_an_error(here: FakeImages) -> None:
    class Mistaken(FakeImages):
        def load(self, archive: Iterable[bytes]) -> None:
            super().load(archive)
            self.have_layers("valkey:1", "something else")

    (outcome,) = send(here, Mistaken(), "valkey:1")
    assert outcome.error
    assert "another image there than here" in outcome.error.message


def test_a_name_that_does_not_arrive_is_an_error(here: FakeImages) -> None:
    class Forgetful(FakeImages):
        def load(self, archive: Iterable[bytes]) -> None:
            super().load(archive)
            self.local.clear()

    (outcome,) = send(here, Forgetful(), "valkey:1")
    assert isinstance(outcome.error, ImageMissingError)
    assert "name the image by a tag" in outcome.error.hint


def test_the_error_of_the_engine_here_is_not_taken_for_one_there(there: FakeImages) -> None:
    class Broken(FakeImages):
        """Fails in the middle of the second reading, which is the one that is sent."""

        readings = 0

        def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
            self.readings += 1
            for piece in super().save(references):
                yield piece
                if self.readings > 1:
                    raise EngineError("the disk here is broken")

    here = Broken()
    here.have_layers("valkey:1", "base", "valkey")
    (outcome,) = send(here, there, "valkey:1")
    assert outcome.error
    assert outcome.error.message == "the disk here is broken"
    assert there.local == {}


@pytest.mark.parametrize(
    "end", [EngineUnreachableError("the connection broke"), InterruptedByUserError(signal.SIGINT)]
)
def test_a_connection_that_breaks_and_a_signal_end_the_sending(
    here: FakeImages, end: WbError
) -> None:
    class Gone(FakeImages):
        def load(self, archive: Iterable[bytes]) -> None:
            next(iter(archive))
            raise end

    with pytest.raises(type(end)):
        send(here, Gone(), "valkey:1", "postgres:1")


def test_progress_is_told_in_bytes_with_their_total(here: FakeImages, there: FakeImages) -> None:
    told: list[tuple[str, int, int | None]] = []
    sender = Sender(here, there, lambda _, text, done, total: told.append((text, done, total)))
    (outcome,) = sender.send_all(["valkey:1"])
    assert told[0] == ("reading", 0, None)
    assert told[-1] == ("sending", outcome.unpacked, outcome.unpacked)
