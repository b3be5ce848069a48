"""The events of a pull are added up. The events are as the engine sends them."""

from wb_cli.engine.pull_progress import PullProgress, Tally


def event(layer: str, status: str, current: int = 0, total: int = 0) -> dict[str, object]:
    detail = {"current": current, "total": total} if total else {}
    return {"id": layer, "status": status, "progressDetail": detail}


def add_up(*events: dict[str, object]) -> PullProgress:
    tally = Tally()
    return [tally.add(event) for event in events][-1]


def test_before_the_first_layer_the_text_is_asking_the_registry() -> None:
    assert str(add_up({"status": "Pulling from library/postgres", "id": "17.4"})) == (
        "asking the registry"
    )


def test_bytes_of_all_layers_are_added_up() -> None:
    assert add_up(
        event("a", "Pulling fs layer"),
        event("b", "Waiting"),
        event("a", "Downloading", 10, 100),
        event("b", "Downloading", 5, 50),
        event("a", "Downloading", 30, 100),
    ) == PullProgress(layers_done=0, layers=2, done=35, total=150)


def test_a_layer_that_is_extracted_counts_as_fetched_and_the_numbers_never_fall() -> None:
    assert add_up(
        event("a", "Downloading", 30, 100),
        event("a", "Verifying Checksum"),
        event("a", "Download complete"),
        event("a", "Extracting", 1, 100),
    ) == PullProgress(layers_done=0, layers=1, done=100, total=100)


def test_existing_layers_count_as_done() -> None:
    progress = add_up(event("a", "Already exists"), event("b", "Downloading", 1, 2))
    assert str(progress) == "1/2 layers"


def test_the_closing_lines_change_nothing() -> None:
    assert add_up(
        event("a", "Pull complete"),
        {"status": "Digest: sha256:abc"},
        {"status": "Status: Downloaded newer image for x"},
    ) == PullProgress(layers_done=1, layers=1)
