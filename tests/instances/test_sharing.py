"""A registry file that root and a group of operators share.

It covers the owners and modes in files.py.
"""

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from instances.examples import add, entry, write

from wb_cli.instances.registry_file.store import RegistryFile

OPERATORS, MEMBER = 4711, 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A registry file that its group may write, in a folder that its group may write."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "servers.json"
        write(path, entry("a", 9000))
        os.chown(folder, 0, OPERATORS)
        os.chown(path, 0, OPERATORS)
        Path(folder).chmod(0o2775)
        path.chmod(0o664)
        yield path


def add_as_member(path: Path, instance_id: str, port: int) -> str:
    """Add an instance as an operator of the group. Return the error, "" if there was none."""
    script = f"""
        import os, sys, tempfile
        from pathlib import Path
        from wb_cli.errors import WbError
        from wb_cli.instances.registry_file.store import RegistryFile
        given = {entry(instance_id, port)}
        with tempfile.TemporaryDirectory() as elsewhere:
            # Import it as root first: the member may not be allowed to read the folders of Python.
            rehearsal = RegistryFile(Path(elsewhere) / "servers.json")
            with rehearsal.edit() as change:
                change.add(given)
            rehearsal.read()
        os.setgroups([{OPERATORS}]); os.setgid({MEMBER}); os.setuid({MEMBER})
        try:
            with RegistryFile(Path(sys.argv[1])).edit() as change:
                change.add(given)
        except WbError as error:
            sys.stdout.write(f"{{error.message}} | {{error.hint}}")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_member_of_the_group_can_write_the_file_and_its_group_stays(shared: Path) -> None:
    assert add_as_member(shared, "b", 9001) == ""
    assert shared.stat().st_gid == OPERATORS
    assert stat.S_IMODE(shared.stat().st_mode) == 0o664
    add(RegistryFile(shared), entry("c", 9002))
    assert add_as_member(shared, "d", 9003) == ""
    assert RegistryFile(shared).read().ids() == ("a", "b", "c", "d")


def test_a_member_can_take_a_lock_file_that_root_made(shared: Path) -> None:
    add(RegistryFile(shared), entry("b", 9001))
    assert stat.S_IMODE((shared.parent / "servers.json.lock").stat().st_mode) & 0o022 == 0
    assert add_as_member(shared, "c", 9002) == ""


def test_a_user_who_may_only_read_gets_an_error_and_leaves_no_file(shared: Path) -> None:
    before = shared.read_bytes()
    shared.parent.chmod(0o2755)
    said = add_as_member(shared, "b", 9001)
    assert "permission denied" in said
    assert "or as root" in said
    assert shared.read_bytes() == before
    assert list(shared.parent.iterdir()) == [shared]


def test_a_user_who_may_not_read_gets_an_error_and_leaves_no_file(shared: Path) -> None:
    before = shared.read_bytes()
    shared.chmod(0o600)
    said = add_as_member(shared, "b", 9001)
    assert f"cannot read {shared}: permission denied" in said
    assert "or as root" in said
    assert shared.read_bytes() == before
    assert list(shared.parent.iterdir()) == [shared]
