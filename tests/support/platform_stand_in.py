"""A stand-in for the platform: a small server that starts at once and behaves as a test needs.

MODE says how it behaves. It stands in the image, and an instance's `env` goes before it.

`healthy` and `newer` answer. `exits` ends while it starts, with its reason in the log; `tells`
does so too, with its secrets in the log. `mortal` answers, ends with code 3 when it is asked for
`/die`, and with code 4 at its start if there is a file `die` in the sandbox; asked for `/eat` it
takes all memory that there is. `silent` runs and does not listen. `gate` listens when there is a
file `go` in the sandbox. `never-ready` answers with 503. `called-unhealthy` answers, and the
HEALTHCHECK of its image says that it does not. Told to stop, `slow` answers for some seconds more,
`mute` lives on as long without an answer, and `deaf` takes no notice.

It is written in Perl, which is in the image of Valkey: Python would take longer to start.
"""

import io
import json
from collections.abc import Callable

import docker
from support.labels import RUN_LABEL
from support.services import VALKEY_IMAGE

PROGRAM = r"""
use IO::Socket::INET;
$| = 1;
my $mode = $ENV{MODE};
print "stand-in: $mode\n";
if ($mode eq "exits") { print "ConfigError: no such dialect\n"; exit 7 }
if ($mode eq "mortal" && -e "/app/sandbox/die") { print "panic: again\n"; exit 4 }
if ($mode eq "tells") {
    print "connecting to postgresql://postgres:$ENV{PG_PASSWORD}\@$ENV{PG_HOST}/main\n";
    print "token=$ENV{WB_ADMIN_TOKEN}, key=$ENV{STATUS_KEY}\n";
    exit 9;
}
$SIG{PIPE} = "IGNORE";
$SIG{TERM} = $mode eq "deaf" ? "IGNORE" : sub { exit 0 };
my ($server, $is_ending);
my $end = sub {
    return if $is_ending++;
    close $server if $mode eq "mute";
    $SIG{ALRM} = sub { exit 0 };
    alarm($ENV{STOPS_WITHIN_S} || 4);
};
$SIG{TERM} = $end if $mode eq "slow" || $mode eq "mute";
if ($mode eq "silent") { sleep 1 while 1 }
if ($mode eq "gate") { select undef, undef, undef, 0.02 until -e "/app/sandbox/go" }
my $status = $mode eq "never-ready" ? "503 Service Unavailable" : "200 OK";
$server = IO::Socket::INET->new(LocalPort => 8000, Listen => 16, ReuseAddr => 1) or die $@;
while (1) {
    my $client = $server->accept or do { sleep 1 if $is_ending && $mode eq "mute"; next };
    my $asked = "";
    while (<$client>) { $asked ||= $_; last if /^\r?\n$/ }
    if ($mode eq "mortal" && $asked =~ m{/die}) { print "panic: asked to\n"; exit 3 }
    if ($mode eq "mortal" && $asked =~ m{/eat}) { my @all; push @all, "x" x 2**20 while 1 }
    print $client "HTTP/1.0 $status\r\nContent-Length: 2\r\n\r\nok";
    close $client;
}
"""
HEALTHCHECKS = {"called-unhealthy": "--interval=1s --retries=1 CMD exit 1"}
Platforms = Callable[[str], str]


class StandIns:
    """The images of the stand-in, built when first asked for; ``close`` removes them all."""

    def __init__(self, client: docker.DockerClient, run_id: str) -> None:
        self._client = client
        self._run_id = run_id
        self._built: set[str] = set()

    def image(self, mode: str) -> str:
        """The image of one mode. Its tag with ``-again`` behind it is the same."""
        tag = f"wb-test-platform-{self._run_id}:{mode}"
        if tag not in self._built:
            recipe = io.BytesIO(self._recipe(mode).encode())
            built, _ = self._client.images.build(fileobj=recipe, tag=tag, rm=True)
            built.tag(*f"{tag}-again".split(":"))
            self._built.add(tag)
        return tag

    def close(self) -> None:
        """Remove every image that was built."""
        for tag in self._built:
            self._client.images.remove(tag, force=True)
            self._client.images.remove(f"{tag}-again", force=True)

    def _recipe(self, mode: str) -> str:
        return "\n".join(
            [
                f"FROM {VALKEY_IMAGE}",
                f"LABEL {RUN_LABEL}={self._run_id}",
                f"ENV MODE={mode}",
                f"HEALTHCHECK {HEALTHCHECKS.get(mode, 'NONE')}",
                f"ENTRYPOINT {json.dumps(['perl', '-e', PROGRAM])}",
                "CMD []",
            ]
        )
