"""What PostgreSQL keeps of a password tells whether another one opens the role."""

import pytest

from wb_cli.lifecycle.passwords.verifier import is_opened_by, make_verifier

# The example of RFC 7677, section 3: its salt and iterations, and the keys that follow.
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
# As `echo -n secretpostgres | md5sum` gives it.
MD5 = "md553f48b7c4b76a86ce72276c5755f217d"


@pytest.mark.parametrize(
    ("verifier", "password", "opens"),
    [
        (PENCIL, "pencil", True),
        (PENCIL, "pencils", False),
        (PENCIL, "", False),
        (PENCIL, "crayon é", None),
        ("", "pencil", False),
        (MD5, "secret", True),
        (MD5, "secrets", False),
        ("another method", "pencil", None),
    ],
)
def test_a_password_is_judged_by_what_is_kept(
    verifier: str, password: str, opens: bool | None
) -> None:
    assert is_opened_by(verifier, "postgres", password) is opens


def test_what_is_made_of_a_password_is_opened_by_it_alone() -> None:
    one, another = make_verifier("pencil"), make_verifier("pencil")
    assert one != another
    assert is_opened_by(one, "postgres", "pencil")
    assert not is_opened_by(one, "postgres", "pencils")


def test_nothing_is_made_of_a_password_whose_normal_form_is_not_known() -> None:
    with pytest.raises(ValueError, match="normal form"):
        make_verifier("crayon é")
