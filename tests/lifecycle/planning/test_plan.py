"""Four whole plans as text: what `wb run`, `wb restart` and `wb stop` ask of the engine."""

from lifecycle.examples import SUBNET, running, wanted

from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop

FRESH = """\
network: not there
  create network demo
postgres: not there
  create demo-postgres from postgres:17.4
postgres: created
  start demo-postgres
  wait until demo-postgres is ready
valkey and platform: not there
  create demo-valkey from valkey/valkey:8
  create demo from timroberton/comb:wb-fastr-server-v1.6.7
  start demo-valkey
  wait until demo-valkey is ready
platform: created
  start demo
  wait until demo is ready
  set restart policy of demo to always
postgres: ready
  set restart policy of demo-postgres to always
valkey: ready
  set restart policy of demo-valkey to always"""

ONE_PART_CHANGED = """\
platform: INSTANCE_NAME Demo -> Mali
  stop demo (at most 10 s)
  set restart policy of demo to no
  rename demo to demo-previous
  create demo from timroberton/comb:wb-fastr-server-v1.6.7
  start demo
  wait until demo is ready
  set restart policy of demo to always
demo-previous: its successor is ready
  remove demo-previous"""

RESTART = """\
demo: restart
  stop demo (at most 10 s)
demo-postgres: restart
  stop demo-postgres (at most 30 s)
demo-valkey: restart
  stop demo-valkey (at most 10 s)
demo: stopped
  set restart policy of demo to no
  rename demo to demo-previous
demo-postgres: stopped
  set restart policy of demo-postgres to no
  rename demo-postgres to demo-postgres-previous
demo-valkey: stopped
  set restart policy of demo-valkey to no
  rename demo-valkey to demo-valkey-previous
postgres: restart
  create demo-postgres from postgres:17.4
postgres: created
  start demo-postgres
  wait until demo-postgres is ready
valkey and platform: restart
  create demo-valkey from valkey/valkey:8
  create demo from timroberton/comb:wb-fastr-server-v1.6.7
  start demo-valkey
  wait until demo-valkey is ready
platform: created
  start demo
  wait until demo is ready
  set restart policy of demo to always
postgres: ready
  set restart policy of demo-postgres to always
valkey: ready
  set restart policy of demo-valkey to always
demo-previous: its successor is ready
  remove demo-previous
demo-postgres-previous: its successor is ready
  remove demo-postgres-previous
demo-valkey-previous: its successor is ready
  remove demo-valkey-previous"""

STOP = """\
demo: stop
  stop demo (at most 10 s)
demo-postgres: stop
  stop demo-postgres (at most 30 s)
demo-valkey: stop
  stop demo-valkey (at most 10 s)
demo: stopped
  remove demo
demo-postgres: stopped
  remove demo-postgres
demo-valkey: stopped
  remove demo-valkey
network: stop
  remove network demo"""


def test_a_fresh_start() -> None:
    assert str(plan_run(wanted(), ObservedInstance(), SUBNET)) == FRESH


def test_a_run_after_one_part_was_changed() -> None:
    assert str(plan_run(wanted(label="Mali"), running(wanted()), SUBNET)) == ONE_PART_CHANGED


def test_a_restart() -> None:
    assert str(plan_restart(wanted(), running(wanted()), SUBNET)) == RESTART


def test_a_stop() -> None:
    assert str(plan_stop("demo", running(wanted()))) == STOP
