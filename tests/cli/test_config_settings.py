"""wb config settings on a real config.toml."""

import io
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.json_answers import check

from wb_cli.errors import ExitCode
from wb_cli.instances.host_settings.config_file import make_default_config_toml


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """The place of config.toml, which is not there yet."""
    return tmp_path / "config" / "config.toml"


def test_a_setting_is_put_below_its_comment_and_taken_out_again(
    wb: CommandLine, toml: Path
) -> None:
    code, answer, _ = wb("config", "settings", "set", "domain=example.org", "mirror=m.org")
    assert code == ExitCode.OK
    assert answer.splitlines() == [
        'domain: not set -> "example.org"',
        'mirror: not set -> "m.org"',
    ]
    lines = toml.read_text().splitlines()
    assert lines[lines.index('# domain = "localhost"') + 1] == 'domain = "example.org"'
    assert wb("config", "settings", "unset", "domain", "mirror").code == ExitCode.OK
    assert toml.read_text() == make_default_config_toml()


def test_comments_order_and_other_settings_stay(wb: CommandLine, toml: Path) -> None:
    toml.parent.mkdir()
    text = '# mine\nmirror = "m.org"  # the near one\n\n# last\nsubnet_prefix = 27\n'
    toml.write_text(text)
    wb("config", "settings", "set", "mirror=n.org")
    assert toml.read_text() == text.replace("m.org", "n.org")
    wb("config", "settings", "set", "labels=team=data,site=west")
    assert toml.read_text().startswith(text.replace("m.org", "n.org"))
    assert 'labels = {team = "data", site = "west"}' in toml.read_text()


def test_a_setting_is_never_put_into_a_table(wb: CommandLine, toml: Path) -> None:
    toml.parent.mkdir()
    toml.write_text('[labels]\nteam = "data"\n# mirror = ""\n')
    assert wb("config", "settings", "set", "mirror=n.org").code == ExitCode.OK
    assert "n.org" in wb("config", "settings").answer


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["domain=x.org", "subnet_prefix=99"], 'subnet_prefix "99" must be a whole number from 16'),
        (["domain=x.org", "subnet_pool=10.0.0.0/28"], "larger than the whole subnet_pool"),
        (["domain=x.org", "domian=y.org"], 'there is no setting "domian"'),
        (["domain"], '"domain" is not name=value'),
        (["french=true"], 'there is no setting "french"'),
    ],
)
def test_one_wrong_word_and_nothing_is_written(
    wb: CommandLine, toml: Path, words: list[str], message: str
) -> None:
    code, _, talk = wb("config", "settings", "set", *words)
    assert code == ExitCode.USAGE
    assert message in talk
    assert not toml.exists()


def test_a_field_of_an_instance_is_told_from_a_setting(wb: CommandLine) -> None:
    assert "`wb config set <id> french=...`" in wb("config", "settings", "set", "french=1").talk
    talk = wb("config", "set", "domain", "x.org").talk
    assert "`wb config settings set domain=...`" in talk


@pytest.mark.parametrize(
    ("flags", "origin"),
    [((), "environment DOMAIN"), (("--set", "domain=flag.org"), "`--set` of this command")],
)
def test_what_overrides_the_file_is_named(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], origin: str
) -> None:
    monkeypatch.setenv("DOMAIN", "environment.org")
    talk = wb(*flags, "config", "settings", "set", "domain=file.org").talk
    assert talk == f"warning: domain stays as it was: {origin} wins over config.toml\n"


def test_the_next_step_is_named_if_containers_see_the_setting(wb: CommandLine) -> None:
    assert "`wb config diff`" in wb("config", "settings", "set", "valkey_max_memory=2g").talk
    assert wb("config", "settings", "set", "mirror=m.org").talk == ""
    again = wb("config", "settings", "set", "mirror=m.org").talk
    assert again.endswith("config.toml: nothing to change\n")


def test_a_secret_is_read_from_input_and_never_shown(
    wb: CommandLine, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hush hush\n"))
    ended = wb("config", "settings", "set", "postgres_password=-")
    assert ended.answer == "postgres_password: set\n"
    assert 'postgres_password = "hush hush"' in toml.read_text()
    ended = wb("config", "settings", "set", "postgres_password=other")
    assert ended.answer == "postgres_password: changed\n"
    assert "shell's history" in ended.talk
    assert "***" in wb("config", "settings").answer
    document = check(
        "config settings unset",
        wb("config", "settings", "unset", "postgres_password", "--json").answer,
    )
    assert document["changes"] == [
        {"setting": "postgres_password", "old": "***", "new": None, "overriddenBy": None}
    ]


def test_the_answer_of_set_names_what_overrides(
    wb: CommandLine, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_MIRROR", "other.org")
    answer = wb("config", "settings", "set", "mirror=m.org", "--json").answer
    assert check("config settings set", answer) == {
        "file": str(toml),
        "changes": [
            {
                "setting": "mirror",
                "old": None,
                "new": '"m.org"',
                "overriddenBy": "environment WB_MIRROR",
            }
        ],
    }


def test_an_unreadable_file_is_not_written_over(wb: CommandLine, toml: Path) -> None:
    toml.parent.mkdir()
    toml.write_text("domain = \n")
    code, _, talk = wb("config", "settings", "set", "domain=x.org")
    assert (code, toml.read_text()) == (ExitCode.USAGE, "domain = \n")
    assert "line 1" in talk
