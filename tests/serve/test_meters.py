"""Meters: Prometheus can read them, and they count what happened."""

from prometheus_client.parser import text_string_to_metric_families

from thrifty.serve.meters import Meters


def values(text):
    """Every sample of a text, by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_counts():
    """Answers, times, refusals and reloads."""
    meters = Meters()
    for seconds in (0.002, 0.2):
        meters.answered("search", "wings", 200, seconds)
    meters.refused("slow")
    meters.reloaded("wings", "done")
    found = values(meters.text(pending=3))
    labels = (("name", "wings"), ("route", "search"), ("status", "200"))
    assert found["thrifty_requests_total", *labels] == 2
    assert found["thrifty_request_seconds_sum", ("route", "search")] == 0.202
    assert found["thrifty_request_seconds_bucket", ("le", "0.0025"), ("route", "search")] == 1
    assert found["thrifty_connections_refused_total", ("reason", "slow")] == 1
    assert found["thrifty_reloads_total", ("name", "wings"), ("outcome", "done")] == 1
    assert found[("thrifty_requests_pending",)] == 3


def test_two_servers_do_not_share_counters():
    """Each has its own registry."""
    first, second = Meters(), Meters()
    first.refused("slow")
    assert ("thrifty_connections_refused_total", ("reason", "slow")) not in values(second.text())
