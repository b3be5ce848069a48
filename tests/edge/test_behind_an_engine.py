"""An instance on a real engine behind a real nginx: changed, restarted and stopped."""

import threading

import pytest
from support.wb_host import Host, free_pair_of_ports
from support.web.nginx_host import Answer, NginxHost

pytestmark = [pytest.mark.edge, pytest.mark.engine]


class Visitor(threading.Thread):
    """Somebody who asks for the instance's page again and again."""

    def __init__(self, nginx: NginxHost, name: str) -> None:
        super().__init__(daemon=True)
        self.nginx, self.name_asked, self.answers = nginx, name, list[Answer]()
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.01):
            self.answers.append(self.nginx.ask(host=self.name_asked))

    def leave(self) -> list[Answer]:
        self.is_over.set()
        self.join(30)
        return self.answers


def test_a_restart_with_another_port_shows_the_page_and_then_the_platform(
    host: Host, nginx: NginxHost
) -> None:
    nginx.start()
    id_ = host.prepare(label="First")
    name = f"{id_}.example.org"
    host.wb("run", id_, **nginx.environ)
    host.wb("init-nginx", id_, **nginx.environ)
    assert (nginx.ask(host=name).status, nginx.ask(host=name).text) == (200, "ok")
    visitor = Visitor(nginx, name)
    visitor.start()
    host.change(id_, port=free_pair_of_ports(), label="Second")
    said = host.wb("restart", id_, **nginx.environ).stdout
    answers = visitor.leave()
    assert "nginx: its site was written anew" in said
    assert {answer.status for answer in answers} == {200, 503}
    away = [answer for answer in answers if answer.status == 503]
    assert {answer.headers["Retry-After"] for answer in away} == {"5"}
    assert "First is away for a moment" in away[0].text
    assert nginx.ask(host=name).status == 200
    assert f"127.0.0.1:{host.port(id_)};" in nginx.site(id_).read_text()
    assert "unchanged" in host.wb("run", id_, **nginx.environ).stdout


def test_a_stopped_instance_has_its_page_and_an_unwritable_site_degrades(
    host: Host, nginx: NginxHost
) -> None:
    nginx.start()
    id_ = host.prepare()
    host.wb("run", id_, **nginx.environ)
    host.wb("init-nginx", id_, **nginx.environ)
    neighbour = nginx.enabled / "neighbour"
    neighbour.write_text("nonsense;\n")
    host.change(id_, label="Second")
    said = host.wb("run", id_, exits=4, **nginx.environ).stderr
    assert f"{neighbour}, line 1" in said
    assert f"`wb init-nginx {id_}` tries again" in said
    assert nginx.ask(host=f"{id_}.example.org").status == 200
    neighbour.unlink()
    said = host.wb("stop", id_, **nginx.environ).stderr
    assert f"The nginx site of {id_} stays" in said
    assert nginx.ask(host=f"{id_}.example.org").status == 503
