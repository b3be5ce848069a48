"""The text of a site: what stands in it, and what never does."""

import html
import re
from pathlib import Path

import pytest
from edge.examples import BEHIND, CERTIFICATE, REGISTRY, site, site_with
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli.contract import CHANGING_ROUTES, METRICS_PATH, OPENAPI_PATH, PrivateRoutes
from wb_cli.edge import away_page, private_routes
from wb_cli.edge.describe import describe_site, is_in_reach, name_server, name_upstream
from wb_cli.edge.mark import Mark, name_file, read_mark
from wb_cli.edge.site import CertificateFiles, make_digest, render
from wb_cli.edge.text import as_comment, as_html, quote, shorten_size
from wb_cli.errors import UsageError, WbError

LONGEST_STRING_OF_NGINX = 4096


def test_without_a_certificate_http_forwards() -> None:
    text = render(site())
    assert text.count("server {") == 1
    assert "listen 80;" in text
    assert "listen [::]:80;" in text
    assert "proxy_pass http://127.0.0.1:9001;" in text
    assert "443" not in text


def test_with_a_certificate_http_redirects_and_https_forwards() -> None:
    plain, secured = render(site(CERTIFICATE)).split("server {")[1:]
    assert "return 301 https://demo.example.org$request_uri;" in plain
    assert "proxy_pass" not in plain
    assert "acme-challenge" in plain
    assert "listen 443 ssl http2;" in secured
    assert f"ssl_certificate {CERTIFICATE.chain};" in secured
    assert f"ssl_certificate_key {CERTIFICATE.key};" in secured
    assert "proxy_pass" in secured


@pytest.mark.parametrize(
    ("certificate", "settings", "url"),
    [
        (None, {}, "http://demo.example.org"),
        (CERTIFICATE, {}, "https://demo.example.org"),
        (None, {"nginx_http": ("[::]:8080",)}, "http://demo.example.org:8080"),
        (CERTIFICATE, {"nginx_https": ("8443",)}, "https://demo.example.org:8443"),
    ],
)
def test_the_url_names_a_port_that_is_not_the_usual_one(
    certificate: CertificateFiles | None, settings: dict, url: str
) -> None:
    found = describe_site(DEMO, replace(BEHIND, **settings), certificate, REGISTRY)
    assert found.url == url
    assert url in render(found)


def test_each_setting_changes_the_text() -> None:
    usual = render(site())
    changed = {
        "domain": "example.com",
        "bind_address": "10.0.0.1",
        "nginx_http": ("8080",),
        "nginx_max_body": 2**20,
        "nginx_timeout": 30,
        "nginx_upstream": "10.0.0.5",
        "nginx_forward": (PrivateRoutes.METRICS,),
        "acme_webroot": Path("/srv/acme"),
    }
    for name, value in changed.items():
        assert render(site_with(**{name: value})) != usual, name
    assert "client_max_body_size 1m;" in render(site_with(nginx_max_body=2**20))
    assert "proxy_read_timeout 30s;" in render(site_with(nginx_timeout=30))


def test_each_field_that_people_see_changes_the_text_and_its_digest() -> None:
    for changes in ({"port": 9002}, {"label": "Mali"}, {"french": True}, {"id": "mali"}):
        assert render(site(**changes)) != render(site())
        assert make_digest(site(**changes)) != make_digest(site())


def test_the_text_holds_its_digest() -> None:
    assert f'return 200 "demo {make_digest(site())}";' in render(site())


@pytest.mark.parametrize("routes", PrivateRoutes)
def test_private_routes_are_closed_unless_they_are_asked_for(routes: PrivateRoutes) -> None:
    closed = {
        PrivateRoutes.METRICS: f"location = {METRICS_PATH} {{ return 403; }}",
        PrivateRoutes.OPENAPI: f"location = {OPENAPI_PATH} {{ return 403; }}",
        PrivateRoutes.CHANGES: private_routes.write_refusal(),
    }
    usual, opened = render(site()), render(site_with(nginx_forward=(routes,)))
    assert all(line in usual for line in closed.values())
    assert [name for name, line in closed.items() if line not in opened] == [routes]
    if routes is PrivateRoutes.CHANGES:
        assert "/api/" not in opened


def is_private(method: str, path: str) -> bool:
    return any(re.search(each, f"{method} {path}") for each in private_routes.list_patterns())


def test_each_changing_route_is_private_and_what_only_looks_like_one_is_not() -> None:
    for method, path in CHANGING_ROUTES:
        filled = re.sub("{.*?}", "a%2Fb", path)
        assert all(is_private(method, filled + more) for more in ("", "?a", "#a"))
        assert not is_private("GET", filled)
        assert not is_private(method, f"{filled}/more/of/it")
        assert not is_private(method, f"/more{filled}")
        assert is_private(method, filled.replace("a", "%61"))


@pytest.mark.parametrize(
    "label",
    [
        "x'; } server { listen 1; } #",
        'quoted "label"',
        "$host $request_uri ${x}",
        "back\\slash",
        "line\nbreak; include /etc/passwd;",
        "line\rbreak",
        "\u2028 \u202e",
        "</title><script>alert(1)</script>",
        "Côte d'Ivoire",
        "{}",
        "Ü" * 4000,
    ],
)
def test_a_label_is_never_configuration(label: str) -> None:
    text = render(site(label=label))
    (page,) = re.findall(r"return 503 '([^']*)';", text)
    assert len(page.encode()) < LONGEST_STRING_OF_NGINX
    assert "$" not in page
    assert "\\" not in page
    assert html.unescape(page).count(label[:50]) >= 1
    (comment,) = [line for line in text.splitlines() if line.endswith(": http://demo.example.org")]
    assert comment.startswith("# ")
    with_plain_label = render(site(label="Demo"))
    forget = re.compile(r'return 503 .*|^# .*|"demo \w+"', re.MULTILINE)
    assert forget.sub("", text) == forget.sub("", with_plain_label)


def test_the_page_speaks_the_language_of_the_instance() -> None:
    assert 'lang="en"' in away_page.write_page("Demo", french=False)
    assert 'lang="fr"' in away_page.write_page("Demo", french=True)


@pytest.mark.parametrize("path", ["/a b", '/a"b', "/a\\b", "/a;b", "/a{b}", "/ä", "/a'b", "/a#b"])
def test_a_path_is_one_word_whatever_is_in_it(path: str) -> None:
    (quoted,) = re.findall(r"root (.*);", render(site_with(acme_webroot=Path(path))))
    assert quoted == '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("path", ["/a$b", "/a\nb", "/a\0b"])
def test_a_path_that_nginx_would_not_take_as_it_is_is_refused(path: str) -> None:
    with pytest.raises(WbError, match="cannot stand in a file of nginx") as caught:
        render(site_with(acme_webroot=Path(path)))
    assert caught.value.hint
    assert quote("/plain/path.pem") == "/plain/path.pem"


def test_data_as_comments_and_in_pages() -> None:
    assert as_comment("a\nb") == "a b"
    assert as_html("a<b>$'") == "a&#60;b&#62;&#36;&#39;"


@pytest.mark.parametrize(
    ("count", "text"), [(2**30, "1g"), (256 * 2**20, "256m"), (3 * 2**10, "3k"), (1001, "1001")]
)
def test_sizes_are_written_short(count: int, text: str) -> None:
    assert shorten_size(count) == text


@pytest.mark.parametrize(
    ("address", "upstream"),
    [
        ("0.0.0.0", "127.0.0.1:9001"),
        ("::", "[::1]:9001"),
        ("fd00::1", "[fd00::1]:9001"),
        ("192.0.2.1", "192.0.2.1:9001"),
        (None, "127.0.0.1:9001"),
    ],
)
def test_the_upstream_is_where_this_machine_reaches_the_platform(
    address: str | None, upstream: str
) -> None:
    assert name_upstream(replace(DEMO, bind_address=address), SETTINGS) == upstream


def test_the_upstream_of_an_instance_on_another_machine_is_that_machine() -> None:
    settings = replace(SETTINGS, nginx_upstream="10.0.0.5")
    assert name_upstream(DEMO, settings) == "10.0.0.5:9001"
    there = replace(DEMO, nginx_upstream="fd00::6", bind_address="0.0.0.0")
    assert name_upstream(there, settings) == "[fd00::6]:9001"


def test_without_a_domain_the_setting_and_the_remedy_are_named() -> None:
    with pytest.raises(UsageError, match="no domain is set") as caught:
        name_server("demo", SETTINGS)
    assert "domain=" in caught.value.hint
    assert "DOMAIN" in caught.value.hint


def test_a_machine_without_ipv6_does_not_listen_on_it() -> None:
    found = describe_site(DEMO, BEHIND, None, REGISTRY, has_ipv6=False)
    assert found.http == ("80",)
    with pytest.raises(UsageError, match="only IPv6 addresses"):
        describe_site(
            DEMO, replace(BEHIND, nginx_https=("[::]:443",)), None, REGISTRY, has_ipv6=False
        )


def test_a_file_of_wb_is_known_by_its_mark() -> None:
    assert read_mark(render(site())) == Mark("demo", REGISTRY)
    assert read_mark("server {\n}\n") is None
    assert read_mark("") is None
    assert read_mark("\n" * 5 + render(site())) is None


def test_a_file_is_named_for_its_instance() -> None:
    assert name_file("demo") == "wb-demo.conf"


@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1", "0.0.0.0", "::"])
def test_nginx_here_is_not_sent_to_a_platform_that_is_published_for_another_host_alone(
    address: str | None,
) -> None:
    """At that address and port, another platform may listen on this machine."""
    far = replace(DEMO, host="ssh://root@far", bind_address=address)
    assert not is_in_reach(far, BEHIND)
    with pytest.raises(UsageError) as caught:
        name_upstream(far, BEHIND)
    assert "demo is on ssh://root@far" in caught.value.message
    assert "`wb config set demo bindAddress=10.0.0.2`" in caught.value.hint


def test_nginx_reaches_a_platform_of_another_host_at_an_address_of_that_host() -> None:
    far = replace(DEMO, host="ssh://root@far", bind_address="10.0.0.2")
    assert name_upstream(far, BEHIND) == f"10.0.0.2:{DEMO.port}"
    assert is_in_reach(far, BEHIND)
    assert is_in_reach(replace(far, host=None, bind_address=None), BEHIND)
