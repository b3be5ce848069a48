"""Checks, tests, benchmarks, and the demo: what the targets of the Makefile do.

All sessions work in the virtual environment that nox runs in, which `make` makes. So they share one
installation of the wheel, and what is installed stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess  # noqa: TID251  (an audit's exit code says what it found)
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox
from nox.command import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "unit"]

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
WHEELS = ROOT / "build" / "wheel"
TOOLS = ROOT / "build" / "tools"
UNPACKED = (TOOLS / "usr" / "bin", TOOLS / "usr" / "sbin")
# Tests wait for the engine most of the time: so many processes share them, file by file.
WORKERS = os.environ.get("WORKERS") or "2"
# Tests run on images built here, whatever a registry has.
TEST_IMAGES = {
    "WB_POSTGRES_IMAGE": "wb-postgres:17",
    "WB_VALKEY_IMAGE": "wb-valkey:8",
    "WB_PLATFORM_IMAGE": "wb-platform:{version}",
}

# The instance of the demo carries this tag; `make demo-down` touches no other.
DEMO = "demo"
DEMO_TAG = "make-demo"
DEMO_SAMPLE = ("--projects", "2", "--objects", "600", "--rows", "20000", "--seed", "1")
WARM_WITHIN_S = 300
# The versions that the tests of certificates are written for; Debian's 2.1 is one of them, too.
CERTBOT = "certbot>=2,<6"
# What the benchmarks measure against: a tool of the same kind, and Compose 2, which Debian has from
# this release on.
TUTOR = "tutor>=19,<23"
RELEASE_WITH_COMPOSE = "trixie"
# Every branch of these is run by the tests.
PURE = "*/wb_cli/instances/*,*/wb_cli/edge/*,*/wb_cli/lifecycle/planning/*"
# The suites that have targets of their own, and run in one process.
SUITES = ("edge", "backup", "faults", "cluster")
NO_SUITE = " and ".join(f"not {marker}" for marker in SUITES)
# With it `make test` measures what the tests cover, as `make coverage` does.
MEASURES = os.environ.get("COVERAGE") == "1"


@nox.session(name="demo")
def demo(session: nox.Session) -> None:
    """Install everything, run an instance named demo, and show it working."""
    install_wheel(session)
    wb(session, "setup", "--install-engine", "--yes")
    entries = {entry["id"]: entry for entry in declared(session)}
    if DEMO not in entries:
        wb(session, "config", "add", DEMO, "--tag", DEMO_TAG)
    elif DEMO_TAG not in entries[DEMO].get("tags", []):
        session.error(f"the instance {DEMO} was not made by `make demo`; it is left alone")
    wb(session, "init-dirs", DEMO)
    wb(session, "run", DEMO)
    (entry,) = (entry for entry in declared(session) if entry["id"] == DEMO)
    url = f"http://127.0.0.1:{entry['port']}"
    if not warm_up(url)["objects"]:
        show_the_cache(session, url)
    wb(session, "status", DEMO)
    for path in ("/health_check", "/api/projects"):
        session.log(f"{url}{path} answers:\n{answer(url + path)}")


def show_the_cache(session: nox.Session, url: str) -> None:
    """Load sample data; restart once with an empty cache, and once with a full one."""
    session.log("There is no data yet: here is some, and two restarts")
    sample = ("python", "-m", "wb_cli.server.sample", *DEMO_SAMPLE)
    wb(session, "exec", DEMO, *sample, silent=True)
    wb(session, "restart", DEMO, silent=True)
    cold = warm_up(url)
    wb(session, "restart", DEMO, silent=True)
    warm = warm_up(url)
    times = cold["elapsedSeconds"] / warm["elapsedSeconds"]
    session.log(
        f"With an empty cache: {cold['fromDatabase']:,} results from PostgreSQL in "
        f"{cold['elapsedSeconds']:.2f} s. With a full one: {warm['fromL2']:,} from Valkey in "
        f"{warm['elapsedSeconds']:.2f} s, {times:.0f} times as fast."
    )


@nox.session(name="demo-down")
def demo_down(session: nox.Session) -> None:
    """Remove the demo, its data too, and nothing else."""
    install_wheel(session)
    demos = [entry["id"] for entry in declared(session) if DEMO_TAG in entry.get("tags", [])]
    if not demos:
        session.log("There is no demo.")
        return
    wb(session, "stop", f"@{DEMO_TAG}")
    wb(session, "remove-dirs", f"@{DEMO_TAG}", "--forget-secrets", "--yes")
    for id_ in demos:
        wb(session, "config", "remove", id_, "--yes")


@nox.session(name="test")
def test(session: nox.Session) -> None:
    """All checks, and the tests, on a real engine, against the built wheel."""
    install_checks(session)
    check(session)
    run_tests(session, measures=MEASURES)


@nox.session(name="long")
def long(session: nox.Session) -> None:
    """The tests that take long: bad ends, takeovers, the page in a browser, and more."""
    install_checks(session)
    run_tests(session, "-m", "long")


@nox.session(name="unit")
def unit(session: nox.Session) -> None:
    """The tests that need no engine."""
    install_checks(session)
    unpack(session, "docker-registry", "docker-registry")
    unpack(session, "prometheus", "promtool")
    install_shells(session)
    with own_folder(session) as environment:
        chosen = "not engine and not services and not edge"
        pytest(session, environment, *side_by_side(), "-m", chosen)


@nox.session(name="coverage")
def coverage(session: nox.Session) -> None:
    """What the tests of all suites cover, in the processes that they start too; an hour or more."""
    install_checks(session)
    install_edge(session)
    unpack_ssh_server(session)
    unpack(session, "rclone", "rclone")
    run_tests(session, "-m", NO_SUITE, measures=True, suites=SUITES)


@nox.session(name="faults")
def faults(session: nox.Session) -> None:
    """The suite of faults: wb killed at every step and at random times, and more."""
    install_checks(session)
    run_suite(session, "faults", "restic")


@nox.session(name="edge")
def edge(session: nox.Session) -> None:
    """The suite of nginx and certificates: a real nginx, certbot, and an authority of its own."""
    install_checks(session)
    install_edge(session)
    run_suite(session, "edge")


@nox.session(name="backup-test")
def backup_test(session: nox.Session) -> None:
    """The suite of backups: real copies, proven, brought back, lost and damaged."""
    install_checks(session)
    unpack_ssh_server(session)
    unpack(session, "rclone", "rclone")
    run_suite(session, "backup", "restic")


@nox.session(name="cluster")
def cluster(session: nox.Session) -> None:
    """Engines on other machines, behind real ssh servers, cut off in the middle of commands."""
    install_checks(session)
    unpack_ssh_server(session)
    run_suite(session, "cluster")


@nox.session(name="lint")
def lint(session: nox.Session) -> None:
    """Style, types, and who imports whom, and what nothing uses."""
    install_checks(session)
    check(session)


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Format the code, and fix what can be fixed."""
    install_checks(session)
    tool(session, "ruff", "format")
    tool(session, "ruff", "check", "--fix")


@nox.session(name="docs")
def docs(session: nox.Session) -> None:
    """Write the README's table of commands anew."""
    install_checks(session)
    tool(session, "python", "-m", "support.readme_table", env={"PYTHONPATH": str(ROOT / "tests")})


@nox.session(name="lock")
def lock(session: nox.Session) -> None:
    """Choose the newest packages that fit, and write them down with their digests."""
    install_checks(session)
    pip(session, "install", "--group", f"{ROOT / 'pyproject.toml'}:lock")
    folders = [str(BIN), os.environ["PATH"]]
    environment = {"PYTHONPATH": str(ROOT / "tests"), "PATH": os.pathsep.join(folders)}
    tool(session, "python", "-m", "support.locks", env=environment)


@nox.session(name="audit")
def audit(session: nox.Session) -> None:
    """Known flaws of locked packages; 3 is `could not be checked`, 4 is a flaw."""
    install_checks(session)
    pip(session, "install", "--group", f"{ROOT / 'pyproject.toml'}:lock")
    environment = {"PYTHONPATH": str(ROOT / "tests")}
    command = (str(BIN / "python"), "-m", "support.audit")
    done = subprocess.run(command, env=os.environ | environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


@nox.session(name="bench")
def bench(session: nox.Session) -> None:
    """Measure against peers: all, ARGS="server cache --short", or ARGS="bench_soak.py"."""
    install_checks(session)
    install_peers(session)
    script, words = "everything.py", session.posargs
    if words and words[0].endswith(".py"):
        script, *words = words
    with own_folder(session) as environment:
        prepare_engine(session, environment)
        wb(session, "images", "build", "restic", env=environment | TEST_IMAGES)
        environment["PYTHONPATH"] = str(ROOT / "tests")
        tool(
            session, "python", str(ROOT / "tests" / "benchmarks" / script), *words, env=environment
        )


# What is run


def run_tests(
    session: nox.Session, *chosen: str, measures: bool = False, suites: tuple[str, ...] = ()
) -> None:
    """Run tests on a real engine, with everything that they need.

    Where it measures, it measures the ``suites`` as well, each in one process.
    """
    unpack(session, "docker-registry", "docker-registry")
    unpack(session, "prometheus", "promtool")
    install_browser(session)
    install_shells(session)
    with own_folder(session) as environment:
        prepare_engine(session, environment)
        if suites:
            wb(session, "images", "build", "restic", env=environment | TEST_IMAGES)
        if not measures:
            pytest(session, environment, *side_by_side(), *chosen)
            return
        settings = ("--cov", f"--cov-config={ROOT / 'pyproject.toml'}")
        measured = (*settings, "--cov-report=", "--cov-fail-under=0")
        pytest(session, environment, *side_by_side(), *chosen, *measured)
        for marker in suites:
            pytest(session, environment, "-m", marker, *measured, "--cov-append")
        report_coverage(session, Path.cwd() / ".coverage")


def run_suite(session: nox.Session, marker: str, *recipes: str) -> None:
    """Run the tests of a suite of its own, in one process, with more images if it needs them."""
    with own_folder(session) as environment:
        prepare_engine(session, environment)
        for recipe in recipes:
            wb(session, "images", "build", recipe, env=environment | TEST_IMAGES)
        pytest(session, environment, "-m", marker)


def report_coverage(session: nox.Session, data: Path) -> None:
    """Report what was covered, and fail where it is less than it must be.

    The data is combined once more in the checkout, whose files stand for those of the wheel. Only
    what the tests combined is read: a process that was killed leaves a broken file beside it.
    """
    settings = f"--rcfile={ROOT / 'pyproject.toml'}"
    combined = f"--data-file={data.with_name('coverage-of-the-checkout')}"
    with session.chdir(ROOT):
        tool(session, "coverage", "combine", "--quiet", settings, combined, str(data))
        report = ("coverage", "report", settings, combined)
        tool(session, *report, f"--include={PURE}", "--fail-under=100")
        tool(session, *report)


def tool(session: nox.Session, name: str, *words: str, **options: Any) -> Any:
    """Run a program of the virtual environment. After Ctrl-C it has the time to clean up."""
    return session.run(
        str(BIN / name), *words, interrupt_timeout=None, terminate_timeout=None, **options
    )


def wb(session: nox.Session, *words: str, **options: Any) -> None:
    """Run a command of wb, and show it; with ``silent``, what it says only where it fails."""
    tool(session, "wb", *words, **options)


def declared(session: nox.Session) -> list[dict[str, Any]]:
    """The valid entries of the registry file."""
    said = tool(session, "wb", "config", "list", "--json", silent=True, log=False)
    return list(json.loads(said)["instances"])


def check(session: nox.Session) -> None:
    """Look at the code without running it."""
    tool(session, "ruff", "check")
    tool(session, "ruff", "format", "--check")
    tool(session, "mypy")
    tool(session, "lint-imports")
    tool(session, "vulture")


def side_by_side() -> tuple[str, ...]:
    """How several processes share the tests."""
    return ("-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder")


def pytest(session: nox.Session, environment: dict[str, str], *words: str) -> None:
    """Run tests in the current folder, where only the installed wheel can be imported."""
    tool(
        session,
        "pytest",
        *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"),
        *("--basetemp", str(Path.cwd() / "pytest"), str(ROOT / "tests"), *words),
        *session.posargs,
        env=environment,
    )


@contextmanager
def own_folder(session: nox.Session) -> Iterator[dict[str, str]]:
    """Work in a folder away from the sources, and give an environment that is not this machine's.

    The tests then check that they import the installed wheel, and wb's own files lie there.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work, session.chdir(work):
        Path(work).chmod(0o755)
        yield {
            "WB_CONFIG_DIR": f"{work}/config",
            "SERVERS_FILE_PATH": f"{work}/servers.json",
            "MOUNT_PATH": f"{work}/instances",
            "WB_SECRETS_DIR": f"{work}/secrets",
            "PATH": os.pathsep.join([str(BIN), *map(str, UNPACKED), os.environ["PATH"]]),
            "WB_TEST_THE_WHEEL": "1",
        }


def prepare_engine(session: nox.Session, environment: dict[str, str]) -> None:
    """Have an engine, and the images that the tests run on."""
    wb(session, "setup", "--install-engine", "--yes", env=environment | TEST_IMAGES)


def warm_up(url: str) -> dict[str, Any]:
    """What the platform says of its warm-up, once that has ended."""
    deadline = time.monotonic() + WARM_WITHIN_S
    while time.monotonic() < deadline:
        health = json.loads(answer(f"{url}/health_check"))
        if health["status"] == "warm":
            return dict(health["warmUp"])
        time.sleep(0.1)
    raise TimeoutError(f"{url} is not warm after {WARM_WITHIN_S} s")


def answer(url: str) -> str:
    """What a platform on this machine answers."""
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  (ours, by http)
        return str(response.read().decode())


# What is installed


def install_wheel(session: nox.Session) -> None:
    """Install the wheel, as users get it, unless it is that of these very sources."""
    stamp = Stamp("wheel")
    if stamp.is_current():
        return
    session.log(f"Installing wb into {sys.prefix}")
    shutil.rmtree(WHEELS, ignore_errors=True)
    pip(session, "wheel", "--no-deps", "--wheel-dir", str(WHEELS), str(ROOT))
    # The version may be the old one, so pip must be made to look.
    pip(session, "uninstall", "--yes", "wb-cli", silent=True)
    pip(session, "install", str(wheel()))
    stamp.set()


def install_checks(session: nox.Session) -> None:
    """Install the wheel, and what the checks and the tests need."""
    install_wheel(session)
    stamp = Stamp("checks")
    if stamp.is_current():
        return
    session.log("Installing what the checks need")
    group = f"{ROOT / 'pyproject.toml'}:dev"
    pip(session, "install", "--group", group, f"{wheel()}[server]")
    stamp.set()


def wheel() -> Path:
    """The wheel that was built."""
    (path,) = WHEELS.glob("wb_cli-*.whl")
    return path


class Stamp:
    """A file in the virtual environment that says from which sources something was installed."""

    def __init__(self, name: str) -> None:
        self._path = Path(sys.prefix, f"wb-{name}-of")
        self._sources = _digest_of_sources()

    def is_current(self) -> bool:
        """Whether it was installed from these very sources, and the wheel is still there."""
        is_same = self._path.is_file() and self._path.read_text() == self._sources
        return is_same and any(WHEELS.glob("wb_cli-*.whl"))

    def set(self) -> None:
        """Say that it was."""
        self._path.write_text(self._sources)


def _digest_of_sources() -> str:
    """What identifies all that goes into the wheel."""
    package = (ROOT / "wb_cli").rglob("*")
    code = [path for path in package if path.is_file() and "__pycache__" not in path.parts]
    total = hashlib.sha256()
    for path in sorted([*code, *(ROOT / name for name in ("pyproject.toml", "README.md"))]):
        total.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def pip(session: nox.Session, *words: str, **options: Any) -> None:
    """Run pip, which says only what goes wrong."""
    quietly = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    tool(session, "python", *quietly, *words, log=False, **options)


def unpack(session: nox.Session, package: str, program: str) -> None:
    """Have a program of a Debian package that would start a service if it were installed.

    A real registry is for the tests of `wb pull`, Prometheus' promtool for those of `/metrics`,
    nginx for those of sites, Pebble for those of certificates.
    """
    if shutil.which(program) or any((folder / program).is_file() for folder in UNPACKED):
        return
    TOOLS.mkdir(parents=True, exist_ok=True)
    with session.chdir(TOOLS):
        apt_get(session, "download", package)
        (archive,) = Path.cwd().glob(f"{package}_*.deb")
        session.run("dpkg", "--extract", str(archive), ".", external=True)


def install_edge(session: nox.Session) -> None:
    """Have nginx, certbot, and an authority that issues certificates."""
    unpack(session, "nginx", "nginx")
    unpack(session, "pebble", "pebble")
    install_certbot(session)


def install_peers(session: nox.Session) -> None:
    """Have what the benchmarks measure against, and wrk, which asks."""
    pip(session, "install", "--group", "bench")
    if not shutil.which("wrk"):
        apt_get(session, "install", "--yes", "--no-install-recommends", "wrk")
    install_compose(session)
    install_apart(session, "tutor", TUTOR)


def install_compose(session: nox.Session) -> None:
    """Have Docker Compose 2, of a newer Debian on this machine's own mirror."""
    if shutil.which("docker-compose") or (UNPACKED[0] / "docker-compose").exists():
        return
    lists = TOOLS / "apt"
    (lists / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (lists / "sources.list").write_text(f"deb {find_mirror(session)} {RELEASE_WITH_COMPOSE} main\n")
    places = {"SourceList": "sources.list", "SourceParts": "none"}
    options = [f"--option=Dir::Etc::{name}={lists / file}" for name, file in places.items()]
    options.append(f"--option=Dir::State::Lists={lists / 'lists'}")
    with session.chdir(TOOLS):
        for words in (("update",), ("download", "docker-compose")):
            session.run("apt-get", "-qq", *options, *words, silent=True, external=True)
        (archive,) = Path.cwd().glob("docker-compose_*.deb")
        session.run("dpkg", "--extract", str(archive), ".", external=True)


def find_mirror(session: nox.Session) -> str:
    """The mirror of Debian that apt uses, and not that of the security updates."""
    words = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    found = str(session.run(*words, silent=True, external=True)).split()
    return next(uri for uri in found if "security" not in uri)


def install_certbot(session: nox.Session) -> None:
    """Have certbot, in an environment of its own, as its authors advise."""
    install_apart(session, "certbot", CERTBOT)


def install_apart(session: nox.Session, name: str, package: str) -> None:
    """Have a program of Python in an environment of its own."""
    program = UNPACKED[0] / name
    if shutil.which(name) or program.is_file():
        return
    folder = TOOLS / name
    tool(session, "python", "-m", "venv", str(folder))
    quietly = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    session.run(str(folder / "bin" / "python"), *quietly, "install", package, external=True)
    program.parent.mkdir(parents=True, exist_ok=True)
    program.unlink(missing_ok=True)
    program.symlink_to(folder / "bin" / name)


def unpack_ssh_server(session: nox.Session) -> None:
    """Have an ssh server with its library, without a service."""
    if shutil.which("sshd", path="/usr/sbin") or (TOOLS / "usr" / "sbin" / "sshd").is_file():
        return
    for package in ("libwrap0", "openssh-server"):
        unpack(session, package, package)


def install_browser(session: nox.Session) -> None:
    """Have a real browser, for the tests of the platform's page."""
    if not shutil.which("chromium"):
        apt_get(session, "install", "--yes", "--no-install-recommends", "chromium")


def install_shells(session: nox.Session) -> None:
    """Have the shells that complete words, and groff, which reads the manual page."""
    missing = [name for name in ("zsh", "fish", "groff") if not shutil.which(name)]
    packages = {"groff": "groff-base"}
    if missing:
        names = [packages.get(name, name) for name in missing]
        apt_get(session, "install", "--yes", "--no-install-recommends", *names)


def apt_get(session: nox.Session, *words: str) -> None:
    """Ask apt; where that fails, once more with fresh lists of packages."""
    command = ("apt-get", "-qq", *words)
    try:
        session.run(*command, silent=True, external=True)
    except CommandFailed:
        session.run("apt-get", "-qq", "update", external=True)
        session.run(*command, silent=True, external=True)
