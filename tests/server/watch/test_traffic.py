"""The counts of answers, as Prometheus reads them."""

from prometheus_client import CollectorRegistry, generate_latest

from wb_cli.server.watch.traffic import Traffic


def text_of(traffic: Traffic) -> list[str]:
    registry = CollectorRegistry()
    registry.register(traffic)
    return generate_latest(registry).decode().splitlines()


def test_durations_are_counted_in_buckets_that_hold_the_smaller_ones_too():
    traffic = Traffic()
    for seconds in (0.001, 0.002, 0.2, 60):
        traffic.observe("items", 200, seconds)

    lines = text_of(traffic)

    counted = 'wb_http_request_seconds_bucket{endpoint="items",le="%s"} %s'
    for bound, count in (("0.001", 1.0), ("0.0025", 2.0), ("0.1", 2.0), ("0.25", 3.0)):
        assert counted % (bound, count) in lines
    assert counted % ("10.0", 3.0) in lines
    assert counted % ("+Inf", 4.0) in lines
    assert 'wb_http_request_seconds_count{endpoint="items"} 4.0' in lines
    assert 'wb_http_request_seconds_sum{endpoint="items"} 60.203' in lines


def test_a_label_is_escaped():
    traffic = Traffic()
    traffic.observe('say "x"\\\n', 200, 0.1)

    counted = r'wb_http_requests_total{endpoint="say \"x\"\\\n",status="200"} 1.0'
    assert counted in text_of(traffic)
